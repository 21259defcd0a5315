package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// retry calls the function until it succeeds, fails for good, or the context
// ends. What may come true during an apply (a CRD, a namespace, a webhook that
// is still starting) is retried until then; a server that cannot be reached, or
// does not serve a type that it should, only for connectGrace; and credentials
// that were refused once, where they can be fetched again.
func (c *Client) retry(ctx context.Context, verb string, ref Ref, mayAppear bool, call func(context.Context) error) error {
	began := time.Now()
	pause := firstPause
	unserved, refused := c.unserved.of(ref.Type), false
	var before error // of the attempt before
	for {
		if err := cmp.Or(c.outage.known(), unserved.known()); err != nil {
			return c.gaveUp(ctx, verb, ref, err, began)
		}
		err := call(ctx)
		if ctx.Err() != nil && before != nil && errors.Is(err, ctx.Err()) {
			err = before // Time ran out on an attempt, but what it ran out for is known.
		}
		before = err
		again := false
		if ctx.Err() == nil { // A deadline of one object says nothing about the server.
			again = c.outage.observe(err, IsUnreachable(err))
			again = unserved.observe(err, isUnserved(err)) || again
		}
		if err == nil {
			return nil
		}
		if apierrors.IsUnauthorized(err) && c.renewsCredentials() && !refused {
			// The answer made client-go drop what it had: the next request fetches anew.
			again, refused = true, true
		}
		again = again || transient(err) || mayAppear && (isMissingNamespace(err, ref) || isUnknownType(err) || isTerminating(err))
		if !again || ctx.Err() != nil {
			return c.gaveUp(ctx, verb, ref, err, began)
		}
		select {
		case <-ctx.Done():
			return c.gaveUp(ctx, verb, ref, err, began)
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, longestPause)
	}
}

// gaveUp explains the last failure, and says so when it was time that ran out.
func (c *Client) gaveUp(ctx context.Context, verb string, ref Ref, err error, began time.Time) error {
	err = c.failure(verb, ref, err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("%w (interrupted)", err)
	case ctx.Err() != nil:
		return fmt.Errorf("%w (gave up after %s; the resource's timeouts bound this)", err, time.Since(began).Round(time.Second))
	}
	return err
}

// transient are the failures that an API server, or a webhook behind it, gets
// over by itself.
func transient(err error) bool {
	return apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err) ||
		apierrors.IsConflict(err) && !isConflictOfManagers(err) || isBadGateway(err)
}

// isBadGateway matches other 5xx answers, which come from proxies.
func isBadGateway(err error) bool {
	status := apierrors.APIStatus(nil)
	return errors.As(err, &status) && status.Status().Code >= 500
}
