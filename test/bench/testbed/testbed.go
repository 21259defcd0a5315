// Package testbed is where benchmarks run: a control plane or a folder that holds any number of Mappings, the real
// controller with its Envoy beside it, and what the machine says about both. It touches the product only from outside.
//
// It expects to run in a network of its own where every address is local, as package isolation makes one: the cluster
// IPs of Services and the addresses of endpoints then lead to backends of the benchmark.
package testbed

import (
	"context"
	"fmt"
	"time"
)

// pollInterval is how often a condition is looked at that nothing announces.
const pollInterval = 20 * time.Millisecond

// Await returns when the condition holds, that is, returns nil. When it does not in time, the error says what was waited
// for and what the condition said last.
func Await(ctx context.Context, what string, timeout time.Duration, condition func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		last := condition(ctx)
		if last == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s: %w", timeout, what, last)
		}
	}
}
