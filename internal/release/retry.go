package release

import (
	"context"
	"time"

	kubeclient "terraform-provider-emissary/internal/kube"
)

const (
	firstPause   = 200 * time.Millisecond
	longestPause = 2 * time.Second
)

// connectGrace is how long a server that refuses or drops connections is tried
// again: long enough for a restart, short enough for a mistyped host.
const connectGrace = 10 * time.Second

// retry repeats an operation as long as it has changed nothing and fails for
// something that may still appear or that a server gets over by itself.
func retry(ctx context.Context, operation func() (changed bool, err error)) (changed bool, err error) {
	began := time.Now()
	var before error
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		changed, err = operation()
		if err != nil && !changed && before != nil && ctx.Err() != nil {
			return false, before // This attempt was cut off; the one before says why.
		}
		again := mayAppear(err) || isTransient(err) || kubeclient.IsUnreachable(err) && time.Since(began) < connectGrace
		if err == nil || changed || !again || !sleep(ctx, pause) {
			return changed, err
		}
		before = err
	}
}

// poll repeats a check until it is done, fails, or the context ends.
func poll(ctx context.Context, check func() (done bool, err error)) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		if done, err := check(); done || err != nil {
			return err
		}
		if !sleep(ctx, pause) {
			return context.Cause(ctx)
		}
	}
}

// sleep reports false when the context ended first.
func sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}
