package atlantis

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

var (
	marker = regexp.MustCompile(`(?m)^  ([-+~]) `) // of a resource: "  + resource ..."
	digest = regexp.MustCompile(`sha256:[0-9a-f]+`)
	tofu   = strings.NewReplacer("OpenTofu", "Terraform", " (current -> planned)", "")
	notice = regexp.MustCompile(`(?s)\n─{10,}.*`) // where the plan was saved to
	// untold is a write-only attribute in an update: OpenTofu lists it among what changes, Terraform among the rest.
	untold = regexp.MustCompile(`(?m)^ +~ \w+ += \(write-only attribute\)\n( +# \()(\d+)( unchanged attributes hidden\))$`)
)

// comment is the text that the server posts for a plan: without the reading
// before it and the notice behind it, and with the resources' markers at the
// start of the line, where ```diff colours them. Digests, which change with every
// change of a chart or a definition, are left out, and where OpenTofu words it
// differently, it is as Terraform does.
func comment(plan string) string {
	if at := strings.LastIndex(plan, ": Refreshing state..."); at >= 0 {
		_, plan, _ = strings.Cut(plan[at:], "\n")
	}
	plan = notice.ReplaceAllString(plan, "")
	plan = digest.ReplaceAllString(plan, "sha256:…")
	plan = marker.ReplaceAllString(plan, "$1 ")
	plan = untold.ReplaceAllStringFunc(plan, func(lines string) string {
		parts := untold.FindStringSubmatch(lines)
		hidden, _ := strconv.Atoi(parts[2])
		return parts[1] + strconv.Itoa(hidden+1) + parts[3]
	})
	return strings.TrimSpace(tofu.Replace(plan)) + "\n"
}

// golden compares the comment with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", path, diff)
	}
}
