package compile

import "terraform-provider-emissary/crds/v3alpha1"

// member reports whether an object belongs to this install: its ambassador_id names it, or says "_automatic_".
func (c *Compiler) member(object v3alpha1.Object) bool {
	return object.GetAmbassadorID().IsMember(c.options.AmbassadorID)
}
