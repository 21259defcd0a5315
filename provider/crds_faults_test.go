package provider_test

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/test/faultproxy"
)

// testCRDsFaults breaks requests about CRDs in every way that passes, while they
// are installed together with an object of one of them, refreshed and deleted.
func testCRDsFaults(w *crdWorld) {
	p, provider := w.proxy()
	config := provider + strings.ReplaceAll(installCRDs(`deletion_policy = "delete"`, `confirm_data_loss = true`)+quote(), "NAMESPACE", w.namespace)
	var rules []*faultproxy.Rule
	broken := func(matches ...faultproxy.Match) func() {
		return func() {
			for _, match := range matches {
				for name, fault := range passing {
					// An API server always knows CRDs.
					if name != "no match" {
						rules = append(rules, p.Break(1, faultproxy.Both(match, faultproxy.Of("customresourcedefinitions")), fault))
					}
				}
			}
		}
	}
	w.run(
		resource.TestStep{PreConfig: broken(faultproxy.Writes, faultproxy.Reads), Config: config},
		resource.TestStep{PreConfig: broken(faultproxy.Reads), Config: config, PlanOnly: true},
		resource.TestStep{PreConfig: broken(faultproxy.Deletes), Config: config, Destroy: true},
	)
	for i, rule := range rules {
		if rule.Met() == 0 {
			w.Errorf("fault %d of %d was not met", i, len(rules))
		}
	}
	if left := w.list(); len(left) > 0 {
		w.Errorf("%d of %d CRDs are left", len(left), len(crds.Kinds()))
	}
}
