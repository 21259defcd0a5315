package crd

import (
	"context"
	"slices"
	"time"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/internal/kube"
)

// emptyGrace is how long WaitEmpty waits for objects to go: a destroy deletes
// those of the same configuration at the same time, in no order.
const emptyGrace = 10 * time.Second

// WaitEmpty waits for the objects of all kinds to go, as long as at least one
// kind gets rid of its last object in every ten seconds, and returns one object
// of each kind that is left: "Mapping shop/cart".
func WaitEmpty(ctx context.Context, client *kube.Client) (left []string, err error) {
	waiting := slices.Clone(crds.Definitions())
	until := time.Now().Add(emptyGrace)
	for {
		var still []*kube.CRD
		left = nil
		for _, definition := range waiting {
			name, err := client.AnyObject(ctx, definition)
			if err != nil {
				return nil, err
			}
			if name != "" {
				still = append(still, definition)
				left = append(left, definition.Spec.Names.Kind+" "+name)
			}
		}
		if len(still) < len(waiting) {
			waiting, until = still, time.Now().Add(emptyGrace)
		}
		if len(left) == 0 || time.Now().After(until) {
			return left, nil
		}
		select {
		case <-ctx.Done():
			return left, nil
		case <-time.After(time.Second):
		}
	}
}
