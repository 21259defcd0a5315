package envoy

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// drainPoll is how often a draining Envoy is asked what is still open.
	drainPoll = 200 * time.Millisecond
	// drainIdle is how long idle connections are left to their clients once no
	// request is under way. Envoy closes a connection with its next answer, so
	// what stays open that long is an unused keep-alive connection, and those
	// may stay for an hour.
	drainIdle = 5 * time.Second
	// terminateGrace is how long Envoy may take to end after SIGTERM.
	terminateGrace = 5 * time.Second
)

// Stop drains Envoy and ends it. Health checks fail and clients are told to go
// away (Connection: close, GOAWAY), while new connections are still served,
// because load balancers take a while to notice. Envoy ends when the last
// connection has, when only idle ones have been left for five seconds, or when
// ctx is done or the drain time has passed. Stop returns when the process is
// gone; the error says what was cut.
func (s *Supervisor) Stop(ctx context.Context) error {
	s.mu.Lock()
	if !s.isStopping() {
		close(s.stopping)
	}
	p := s.current
	s.mu.Unlock()
	if p == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.DrainTime)
	defer cancel()
	err := s.drain(ctx, p)
	p.terminate(terminateGrace)
	return err
}

// drain returns when Envoy may be ended.
func (s *Supervisor) drain(ctx context.Context, p *process) error {
	select {
	case <-p.exited:
		return nil
	default:
	}
	err := errors.Join(
		s.admin.post(ctx, "/healthcheck/fail"),
		s.admin.post(ctx, "/drain_listeners?graceful&skip_exit"),
	)
	if errors.Is(err, errNotUp) {
		return nil // it has only just started and serves nobody
	}
	if err != nil {
		return fmt.Errorf("ending Envoy without draining it: %w", err)
	}
	s.log.Info("draining Envoy", "pid", p.pid())
	ticker := time.NewTicker(drainPoll)
	defer ticker.Stop()
	lastBusy, last := time.Now(), Load{}
	for {
		load, err := s.admin.Load(ctx)
		switch {
		case err == nil && load.Connections == 0:
			return nil
		case err == nil && load.Busy > 0:
			lastBusy = time.Now()
		case err == nil && time.Since(lastBusy) >= drainIdle:
			return nil
		}
		if err == nil {
			last = load
		}
		select {
		case <-ticker.C:
		case <-p.exited:
			return errors.New("envoy ended by itself while draining")
		case <-ctx.Done():
			return fmt.Errorf("draining Envoy took too long: %d connections are cut, %d of them busy", last.Connections, last.Busy)
		}
	}
}
