package release

import (
	"context"
	"time"
)

const (
	firstPause   = 200 * time.Millisecond
	longestPause = 2 * time.Second
)

// retryMissing repeats a change as long as it fails for something that may still
// appear and has changed nothing.
func retryMissing(ctx context.Context, change func() (changed bool, err error)) (changed bool, err error) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		changed, err = change()
		if err == nil || changed || !mayAppear(err) || !sleep(ctx, pause) {
			return changed, err
		}
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
