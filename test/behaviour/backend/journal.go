package backend

import (
	"slices"
	"sync"
	"time"
)

// Journal remembers every request the backends saw, by probe id.
type Journal struct {
	mu      sync.Mutex
	byProbe map[string][]*Seen
	changed chan struct{} // closed and replaced whenever a request is added
}

func newJournal() *Journal {
	return &Journal{byProbe: map[string][]*Seen{}, changed: make(chan struct{})}
}

func (j *Journal) add(probe string, seen *Seen) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.byProbe[probe] = append(j.byProbe[probe], seen)
	close(j.changed)
	j.changed = make(chan struct{})
}

// Of returns what the backends saw of one probe, in order of arrival.
func (j *Journal) Of(probe string) []*Seen {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.byProbe[probe])
}

// Await waits until a request of the probe satisfies match; false when timeout passes first. A mirrored
// copy, for one, arrives after the answer.
func (j *Journal) Await(probe string, timeout time.Duration, match func(*Seen) bool) bool {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	for {
		j.mu.Lock()
		found := slices.ContainsFunc(j.byProbe[probe], match)
		changed := j.changed
		j.mu.Unlock()
		if found {
			return true
		}
		select {
		case <-changed:
		case <-deadline.C:
			return false
		}
	}
}
