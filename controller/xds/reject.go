package xds

import (
	"bytes"
	"time"
)

// rejection is what the server remembers of a refused resource.
type rejection struct {
	Rejection
	// attempts counts how often the content was refused, trying marks that it
	// is being sent again; retry fires when that is due, and overdue says that
	// it fired while no Envoy was connected.
	attempts int
	trying   bool
	// first is when the content was refused first.
	first   time.Time
	retry   *time.Timer
	overdue bool
}

// accept records that an Envoy has acknowledged a version of a resource.
// Callers hold mu.
func (s *Server) accept(id ID, version string) {
	sl := s.tables[id.TypeURL].slots[id.Name]
	if sl == nil || sl.newest.version != version {
		return
	}
	sl.accepted = sl.newest
	if sl.rejection != nil && sl.rejection.trying {
		s.log.Info("Envoy accepts a resource it had rejected", "type", shortName(id.TypeURL), "name", id.Name)
		s.settle(id, sl)
	}
}

// reject records that an Envoy refuses a version of a resource. If that is what
// Envoys are being served, the last accepted content takes its place, together
// with whatever that content refers to and an update has just removed.
func (s *Server) reject(id ID, version, detail, node string) {
	s.mu.Lock()
	defer s.mu.Unlock()

	t := s.tables[id.TypeURL]
	sl := t.slots[id.Name]
	if sl == nil || sl.served() == nil || sl.served().version != version {
		// Replaced or removed meanwhile. Until the content in its place is answered, what was sent before it must not pass for
		// accepted.
		if sl != nil && sl.rejection == nil && !sl.retained && sl.revision > s.acknowledged {
			s.overtake(Rejection{ID: id, Version: version, Detail: detail, Node: node})
			s.announce()
		}
		return
	}
	if sl.accepted != nil && sl.accepted.version == version {
		sl.accepted = nil // one Envoy took what another refuses: there is nothing to go back to
	}
	delete(s.overtaken, id)
	r := sl.rejection
	if r == nil {
		r = &rejection{Rejection: Rejection{ID: id, Version: sl.newest.version, Node: node, Revision: sl.revision}, first: time.Now()}
		sl.rejection = r
		s.rejected[id] = sl
	}
	if version == r.Version {
		r.Detail = detail
	}
	r.Restored, r.trying = sl.accepted != nil, false
	r.attempts++
	s.scheduleRetry(id, sl)
	s.log.Warn("Envoy rejects a resource", "type", shortName(id.TypeURL), "name", id.Name,
		"node", node, "version", version, "restored", r.Restored, "detail", detail)

	s.revision++
	sl.revision = s.revision
	t.log.add(s.revision, id.Name, len(t.slots))
	if sl.accepted != nil {
		s.bringBack(id.TypeURL, sl.accepted)
	}
	s.wake()
	s.announce()
}

// bringBack restores the removed resources that a restored one refers to.
// Callers hold mu.
func (s *Server) bringBack(user string, e *entry) {
	for typeURL, t := range s.tables {
		if !t.kind.usedBy(user) {
			continue
		}
		for name, sl := range t.gone {
			if !bytes.Contains(e.bytes, []byte(name)) {
				continue
			}
			delete(t.gone, name)
			t.slots[name] = sl
			sl.retained, sl.revision = true, s.revision
			s.retained[ID{typeURL, name}] = sl
			t.log.add(s.revision, name, len(t.slots))
		}
	}
}

// overtake remembers a rejection of content that has been replaced. Callers hold
// mu.
func (s *Server) overtake(r Rejection) {
	r.Overtaken = true
	s.overtaken[r.ID] = r
}

// forgetOvertaken drops the rejections of content whose replacement every Envoy
// has answered. Callers hold mu.
func (s *Server) forgetOvertaken() {
	for id := range s.overtaken {
		if sl := s.tables[id.TypeURL].slots[id.Name]; sl == nil || sl.revision <= s.acknowledged {
			delete(s.overtaken, id)
		}
	}
}

// missingUntil is how long to wait for clusters that were refused and have no
// earlier content. Callers hold mu.
func (s *Server) missingUntil() (until time.Time) {
	for id, sl := range s.rejected {
		if bound := sl.rejection.first.Add(s.options.WarmTimeout); id.TypeURL == ClusterType && sl.accepted == nil && bound.After(until) {
			until = bound
		}
	}
	return until
}

// settle forgets a rejection. Callers hold mu.
func (s *Server) settle(id ID, sl *slot) {
	if sl.rejection == nil {
		return
	}
	sl.rejection.retry.Stop()
	sl.rejection = nil
	delete(s.rejected, id)
}

// scheduleRetry has the refused content sent again after a while. Callers hold
// mu.
func (s *Server) scheduleRetry(id ID, sl *slot) {
	r := sl.rejection
	wait := s.options.RetryInterval << min(r.attempts-1, 16)
	wait = min(wait, max(MaxRetryInterval, s.options.RetryInterval))
	if r.retry != nil {
		r.retry.Stop()
	}
	r.retry = time.AfterFunc(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if sl.rejection != r {
			return
		}
		if r.overdue = len(s.streams) == 0; r.overdue {
			return
		}
		s.try(id, sl)
		s.wake()
		s.announce()
	})
}

// tryOverdue has a first Envoy try what nobody was there to try. Callers hold
// mu.
func (s *Server) tryOverdue() {
	for id, sl := range s.rejected {
		if sl.rejection.overdue {
			sl.rejection.overdue = false
			s.try(id, sl)
		}
	}
}

// try has the refused content sent once more. Callers hold mu.
func (s *Server) try(id ID, sl *slot) {
	t := s.tables[id.TypeURL]
	sl.rejection.trying = true
	s.revision++
	sl.revision = s.revision
	t.log.add(s.revision, id.Name, len(t.slots))
}
