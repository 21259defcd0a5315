package runner

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"terraform-provider-emissary/test/behaviour/isolation"
	"terraform-provider-emissary/test/deps"
)

// Prepare builds the controller, unless the environment variable BINARY names one that is built, and picks
// the isolation. It returns what has to be removed at the end, and, where cases cannot have networks of
// their own, the reason as a notice.
func Prepare(ctx context.Context, envoy string) (o Options, notice string, cleanup func(), err error) {
	o, cleanup = Options{Envoy: envoy}, func() {}
	mode, reason := isolation.Detect(ctx)
	if o.Isolation = mode; reason != nil {
		notice = fmt.Sprintf("cases share this machine's loopback addresses: %v", reason)
	}
	if binary := os.Getenv("BINARY"); binary != "" {
		o.Binary, err = filepath.Abs(binary)
		return o, notice, cleanup, err
	}
	dir, err := os.MkdirTemp("", "behaviour-")
	if err != nil {
		return o, notice, cleanup, err
	}
	cleanup = func() { _ = os.RemoveAll(dir) }
	o.Binary = filepath.Join(dir, "terraform-provider-emissary")
	build := exec.CommandContext(ctx, "go", "build", "-o", o.Binary, ".")
	build.Dir = deps.Root()
	if out, err := build.CombinedOutput(); err != nil {
		cleanup()
		return o, notice, func() {}, fmt.Errorf("building the controller: %w\n%s", err, out)
	}
	return o, notice, cleanup, nil
}
