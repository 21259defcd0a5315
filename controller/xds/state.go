package xds

import (
	"cmp"
	"context"
	"slices"
)

// State returns what is known now.
func (s *Server) State() State {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state()
}

// state builds the State. Callers hold mu.
func (s *Server) state() State {
	st := State{
		Revision:     s.revision,
		Acknowledged: s.acknowledged,
		Ready:        s.ready,
		Clients:      len(s.streams),
	}
	for _, sl := range s.rejected {
		st.Rejected = append(st.Rejected, sl.rejection.Rejection)
	}
	for _, r := range s.overtaken {
		st.Rejected = append(st.Rejected, r)
	}
	slices.SortFunc(st.Rejected, func(a, b Rejection) int {
		return cmp.Or(cmp.Compare(a.TypeURL, b.TypeURL), cmp.Compare(a.Name, b.Name))
	})
	return st
}

// Watch returns a channel that delivers the state now and after each change,
// until ctx is done, when it is closed. The channel holds only the newest
// state: a slow reader skips the ones in between and never delays the server.
func (s *Server) Watch(ctx context.Context) <-chan State {
	ch := make(chan State, 1)
	s.mu.Lock()
	s.watchers[ch] = struct{}{}
	ch <- s.state()
	s.mu.Unlock()

	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, ch)
		close(ch)
	})
	return ch
}

// Wait blocks until the revision is acknowledged or ctx is done.
func (s *Server) Wait(ctx context.Context, revision uint64) (State, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for st := range s.Watch(ctx) {
		if st.Acknowledged >= revision {
			return st, nil
		}
	}
	return s.State(), ctx.Err()
}

// announce delivers the state to the watchers. Callers hold mu, so that this is
// the only sender and the channels never block.
func (s *Server) announce() {
	s.metrics.revision.Set(float64(s.revision))
	s.metrics.acknowledged.Set(float64(s.acknowledged))
	s.metrics.clients.Set(float64(len(s.streams)))
	s.metrics.rejected.Set(float64(len(s.rejected)))
	if len(s.watchers) == 0 {
		return
	}
	st := s.state()
	for ch := range s.watchers {
		select {
		case <-ch:
		default:
		}
		ch <- st
	}
}

// advance raises Acknowledged to what every connected Envoy has answered in
// full. Callers hold mu.
func (s *Server) advance() {
	if len(s.streams) == 0 {
		return
	}
	lowest := s.revision
	for st := range s.streams {
		lowest = min(lowest, st.answered)
	}
	if lowest <= s.acknowledged {
		return
	}
	s.acknowledged, s.ready = lowest, true
	s.forgetOvertaken()
	s.forgetGone()
	s.announce()
}
