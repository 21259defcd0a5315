package upstream

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
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

// Normal takes out of a spec what Emissary's conversion writes although it says
// nothing: an empty v2ExplicitTLS beside the name of a TLSContext, and what was null
// among rate limit labels, which the schema of v3alpha1 refuses.
func Normal(spec any) any {
	fields, _ := spec.(map[string]any)
	if isEmpty(fields["v2ExplicitTLS"]) {
		delete(fields, "v2ExplicitTLS")
	}
	domains, _ := fields["labels"].(map[string]any)
	for domain, groups := range domains {
		if groups == nil {
			delete(domains, domain)
		}
		groups, _ := groups.([]any)
		for _, group := range groups {
			group, _ := group.(map[string]any)
			for name, labels := range group {
				if labels, isList := labels.([]any); isList {
					group[name] = slices.DeleteFunc(labels, isEmpty)
				}
			}
		}
	}
	if isEmpty(fields["labels"]) {
		delete(fields, "labels")
	}
	return spec
}

func isEmpty(value any) bool {
	fields, isMap := value.(map[string]any)
	return isMap && len(fields) == 0
}
