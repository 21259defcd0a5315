package xds

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// Update replaces the whole set of resources and returns the revision that
// carries it; an update that changes nothing returns the newest revision.
// It fails, changing nothing, when two resources share an ID, a name is empty,
// a type is not served, or a message cannot be marshalled.
func (s *Server) Update(resources []Resource) (revision uint64, err error) {
	s.updating.Lock()
	defer s.updating.Unlock()

	changed, wanted, err := s.compare(resources)
	if err != nil {
		return 0, err
	}
	return s.commit(changed, s.others(wanted)), nil
}

// others lists the resources that are not wanted.
func (s *Server) others(wanted map[ID]bool) (ids []ID) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for typeURL, t := range s.tables {
		for name := range t.slots {
			if id := (ID{typeURL, name}); !wanted[id] {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// Apply adds or replaces the changed resources and takes out the removed ones;
// every other resource stays. It costs what changed. A resource both changed
// and removed is removed. Otherwise it is like Update.
func (s *Server) Apply(changed []Resource, removed []ID) (revision uint64, err error) {
	s.updating.Lock()
	defer s.updating.Unlock()

	entries, _, err := s.compare(changed)
	if err != nil {
		return 0, err
	}
	for _, id := range removed {
		delete(entries, id)
	}
	return s.commit(entries, removed), nil
}

// compare encodes the resources whose content differs from the store's, and
// lists all IDs given. Marshalling happens without mu held, so that it does not
// hold up the streams.
func (s *Server) compare(resources []Resource) (changed map[ID]*entry, all map[ID]bool, err error) {
	changed, all = make(map[ID]*entry), make(map[ID]bool, len(resources))
	var problems []error
	for _, r := range resources {
		t := s.tables[r.TypeURL]
		switch {
		case t == nil:
			problems = append(problems, fmt.Errorf("resource %q: type %q is not one Envoy asks for by ADS", r.Name, r.TypeURL))
			continue
		case r.Name == "":
			problems = append(problems, fmt.Errorf("a %s has no name", shortName(r.TypeURL)))
			continue
		case all[r.ID]:
			problems = append(problems, fmt.Errorf("%s %q is given twice", shortName(r.TypeURL), r.Name))
			continue
		}
		all[r.ID] = true
		e, err := encode(r)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if !s.holds(r.ID, e.version) {
			changed[r.ID] = e
		}
	}
	return changed, all, errors.Join(problems...)
}

// holds reports whether the store has this content.
func (s *Server) holds(id ID, version string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sl := s.tables[id.TypeURL].slots[id.Name]
	return sl != nil && !sl.retained && sl.newest.version == version
}

// commit writes changes to the tables as one revision and wakes the streams.
func (s *Server) commit(changed map[ID]*entry, removed []ID) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()

	next := s.revision + 1
	dirty := s.revision == 0 // the first update opens the server, even an empty one
	for id, e := range changed {
		s.put(id, e, next)
		dirty = true
	}
	// What restored resources refer to is known only after the changes are in.
	for _, id := range removed {
		dirty = s.remove(id, next) || dirty
	}
	dirty = s.releaseRetained(next) || dirty
	if !dirty {
		return s.revision
	}
	s.revision = next
	s.forgetGone()
	s.wake()
	s.announce()
	return next
}

// put makes e the newest content of a resource. New content is given a chance
// whatever was said of the old. Callers hold mu.
func (s *Server) put(id ID, e *entry, revision uint64) {
	t := s.tables[id.TypeURL]
	sl := t.slots[id.Name]
	if sl == nil {
		// A resource that comes back while it is still on its way out.
		if sl = t.gone[id.Name]; sl == nil {
			sl = &slot{}
		}
		delete(t.gone, id.Name)
		t.slots[id.Name] = sl
	}
	sl.newest, sl.retained = e, false
	if sl.rejection != nil {
		s.overtake(sl.rejection.Rejection)
	}
	s.settle(id, sl)
	delete(s.retained, id)
	sl.revision = revision
	t.log.add(revision, id.Name, len(t.slots))
}

// remove takes a resource out, unless a restored resource still refers to it;
// it reports whether anything changed. Callers hold mu.
func (s *Server) remove(id ID, revision uint64) bool {
	t := s.tables[id.TypeURL]
	if t == nil {
		return false
	}
	sl := t.slots[id.Name]
	if sl == nil {
		return false
	}
	delete(s.overtaken, id)
	if sl.rejection != nil {
		s.settle(id, sl)
	}
	if s.stillUsed(id) {
		sl.retained = true
		s.retained[id] = sl
		return false
	}
	delete(s.retained, id)
	delete(t.slots, id.Name)
	t.gone[id.Name] = sl
	sl.revision, sl.removedAt, sl.retained = revision, time.Now(), false
	t.log.add(revision, id.Name, len(t.slots))
	return true
}

// releaseRetained removes what was kept only for restored resources that are
// no longer restored. Callers hold mu.
func (s *Server) releaseRetained(revision uint64) (released bool) {
	for id := range s.retained {
		released = s.remove(id, revision) || released
	}
	return released
}

// stillUsed reports whether a restored resource refers to id. A name that
// occurs in the bytes of a resource may be a reference, one that does not
// cannot be: a chance match keeps something unused a while longer, at worst.
func (s *Server) stillUsed(id ID) bool {
	k := s.tables[id.TypeURL].kind
	for user, sl := range s.rejected {
		if e := sl.served(); e != nil && k.usedBy(user.TypeURL) && bytes.Contains(e.bytes, []byte(id.Name)) {
			return true
		}
	}
	return false
}

// forgetGone drops removed resources that no rejection can bring back: every
// Envoy has acknowledged doing without them, or the bound has passed. Callers
// hold mu.
func (s *Server) forgetGone() {
	for _, t := range s.tables {
		for name, sl := range t.gone {
			if sl.revision <= s.acknowledged || len(s.streams) == 0 || time.Since(sl.removedAt) > s.options.RemovalTimeout {
				delete(t.gone, name)
			}
		}
	}
}
