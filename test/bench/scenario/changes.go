package scenario

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"terraform-provider-emissary/test/bench/load"
	"terraform-provider-emissary/test/bench/report"
	"terraform-provider-emissary/test/bench/testbed"
)

// grace is how long an old backend goes on after its replacement is in force, as the preStop hook of a pod does.
const grace = time.Second

// changeTimeout bounds the time until one change has reached every visitor.
const changeTimeout = time.Minute

// during lets a crowd ask for one thing while it is changed again and again.
func during(what string, changes int, crowd *load.Crowd, change func(round int) error) (report.Answers, error) {
	result := report.Answers{What: what, Planned: changes, Wrong: load.Wrong{}}
	start := time.Now()
	var err error
	for round := 1; round <= changes && err == nil; round++ {
		if err = change(round); err == nil {
			result.Changes++
		}
	}
	result.Seconds = time.Since(start).Seconds()
	result.Count(crowd.Stop())
	if err != nil {
		err = fmt.Errorf("%s, after %d changes: %w", what, result.Changes, err)
	}
	return result, err
}

// visitors are the crowd of a change: they ask for one thing.
func visitors(ctx context.Context, address string, config *tls.Config, request load.Request) *load.Crowd {
	return load.StartCrowd(ctx, load.CrowdOptions{
		Address: address, TLS: config, Clients: crowdSize, Pause: crowdPause,
		Request: func(int) load.Request { return request },
	})
}

// answered returns when the last answer of every visitor was as wanted.
func answered(ctx context.Context, crowd *load.Crowd, what string, wanted func(load.Answer) bool) error {
	return testbed.Await(ctx, "all visitors to be answered "+what, changeTimeout, func(context.Context) error {
		if !crowd.All(wanted) {
			return errors.New("some are not")
		}
		return nil
	})
}

// leaveAfterGrace ends backends gracefully once the grace is over.
func leaveAfterGrace(ctx context.Context, backends ...*load.Backend) error {
	select {
	case <-time.After(grace):
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	var failures []error
	for _, backend := range backends {
		failures = append(failures, backend.Leave(ctx))
	}
	return errors.Join(failures...)
}
