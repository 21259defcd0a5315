package kube

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// writeGrace is how long a write may go on after the context has ended.
const writeGrace = 10 * time.Second

// finish lets a write that is under way come to its end when the context does:
// else an interrupt would leave it open whether there is an object that nobody
// has in their state. It is an error when the context has ended already.
func finish(ctx context.Context) (last context.Context, done func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	last, cancel := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), attemptsKey{}, &attempts{until: ctx}))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(writeGrace, cancel) })
	return last, func() { stop(); cancel() }, nil
}

// attempts are those of one write. client-go repeats it by itself when a server
// is busy and says when to come back.
type attempts struct {
	until context.Context // none begins after the end of this
	last  string          // what the last one was answered
}

type attemptsKey struct{}

// noLateAttempts is a transport that begins no attempt too late.
type noLateAttempts struct{ http.RoundTripper }

func (t noLateAttempts) RoundTrip(r *http.Request) (*http.Response, error) {
	a, ok := r.Context().Value(attemptsKey{}).(*attempts)
	if !ok {
		return t.RoundTripper.RoundTrip(r)
	}
	if err := a.until.Err(); err != nil {
		if a.last == "" {
			return nil, err // It was never asked.
		}
		return nil, &busyError{a.last}
	}
	response, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		a.last = response.Status
	}
	return response, err
}

// busyError is that of a server which was still busy when time ran out.
type busyError struct{ answer string }

func (e *busyError) Error() string { return "the server was busy to the end: " + e.answer }

func isBusy(err error) bool {
	var busy *busyError
	return errors.As(err, &busy)
}
