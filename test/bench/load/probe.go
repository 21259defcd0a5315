package load

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// probeInterval is the resolution of a probe. Asking without a pause would take a core from what is measured.
const probeInterval = time.Millisecond

// Probe asks for one thing that is not served yet until it is. Before, 404 is the one right answer, after, 200 is.
type Probe struct {
	absent chan struct{}
	served chan time.Time
	cancel context.CancelFunc
	done   sync.WaitGroup
	asked  int
	wrong  Wrong
}

// StartProbe begins to ask, once a millisecond on one connection.
func StartProbe(ctx context.Context, address string, request Request) *Probe {
	ctx, cancel := context.WithCancel(ctx)
	p := &Probe{absent: make(chan struct{}), served: make(chan time.Time, 1), cancel: cancel, wrong: Wrong{}}
	p.done.Go(func() { p.run(ctx, &Client{Address: address, KeepAlive: true}, request) })
	return p
}

func (p *Probe) run(ctx context.Context, client *Client, request Request) {
	defer client.Close()
	ticker := time.NewTicker(probeInterval)
	defer ticker.Stop()
	absent, served := false, false
	for ctx.Err() == nil {
		answer, err := client.Get(request)
		now := time.Now()
		p.asked++
		switch {
		case err == nil && answer.Status == http.StatusOK && !served:
			served = true
			p.served <- now
		case err == nil && answer.Status == http.StatusOK:
		case err == nil && answer.Status == http.StatusNotFound && !served:
			if !absent {
				absent = true
				close(p.absent)
			}
		default:
			p.wrong.Count(answer, err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// AwaitAbsent returns when the first 404 has come: the probe is under way.
func (p *Probe) AwaitAbsent(ctx context.Context) error {
	select {
	case <-p.absent:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("no 404 from what is not served yet: %w", ctx.Err())
	}
}

// AwaitServed returns when the first 200 came.
func (p *Probe) AwaitServed(ctx context.Context) (time.Time, error) {
	select {
	case at := <-p.served:
		return at, nil
	case <-ctx.Done():
		return time.Time{}, fmt.Errorf("no 200: %w", ctx.Err())
	}
}

// Stop ends the probe and returns how often it asked, and what came back wrong.
func (p *Probe) Stop() (asked int, wrong Wrong) {
	p.cancel()
	p.done.Wait()
	return p.asked, p.wrong
}
