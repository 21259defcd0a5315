package upstream

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"terraform-provider-emissary/test/deps"
)

// Webhook is Emissary's conversion webhook while it runs.
type Webhook struct {
	// URL is where it answers, on loopback; CABundle, in PEM, is what to trust there.
	URL      string `json:"url"`
	CABundle []byte `json:"caBundle"`
}

// StartWebhook runs Emissary's conversion webhook until the test ends. It skips the
// test, or fails it under `make test`, where the program is not there.
func StartWebhook(t testing.TB) *Webhook {
	t.Helper()
	command := exec.Command(deps.Apiext(t))
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("the conversion webhook: %v", err)
		}
	})
	w := &Webhook{}
	if err := json.NewDecoder(output).Decode(w); err != nil {
		t.Fatalf("the conversion webhook does not say where it is: %v", err)
	}
	return w
}
