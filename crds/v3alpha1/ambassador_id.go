package v3alpha1

import "slices"

const (
	// DefaultAmbassadorID is the instance that serves objects which name none.
	DefaultAmbassadorID = "default"
	// AutomaticAmbassadorID in an object's list makes every instance serve it.
	AutomaticAmbassadorID = "_automatic_"
)

// AmbassadorID is the list of instances (their AMBASSADOR_ID) that serve an
// object. An empty list stands for "default".
type AmbassadorID []string

// IsMember tells whether the instance with the given id serves an object that
// carries this list.
func (a AmbassadorID) IsMember(id string) bool {
	if len(a) == 0 {
		return id == DefaultAmbassadorID
	}
	return slices.Contains(a, id) || slices.Contains(a, AutomaticAmbassadorID)
}

// Only tells whether the instance with the given id is the only one that serves
// an object which carries this list.
func (a AmbassadorID) Only(id string) bool {
	return a.IsMember(id) && !slices.ContainsFunc(a, func(other string) bool { return other != id })
}

// Before tells whether, of two instances that serve an object which carries this
// list, the first one speaks for both: as it is named first. Those that
// "_automatic_" stands for come last, by name.
func (a AmbassadorID) Before(id, other string) bool {
	first, second := slices.Index(a, id), slices.Index(a, other)
	switch {
	case first >= 0 && second >= 0:
		return first < second
	case first >= 0 || second >= 0:
		return first >= 0
	}
	return id < other
}
