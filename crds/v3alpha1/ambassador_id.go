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
