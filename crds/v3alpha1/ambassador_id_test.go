package v3alpha1_test

import (
	"testing"

	"terraform-provider-emissary/crds/v3alpha1"
)

func TestAmbassadorIDIsMember(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		ids  v3alpha1.AmbassadorID
		id   string
		want bool
	}{
		{"absent means default", nil, "default", true},
		{"empty means default", v3alpha1.AmbassadorID{}, "default", true},
		{"absent is not for others", nil, "blue", false},
		{"listed", v3alpha1.AmbassadorID{"green", "blue"}, "blue", true},
		{"listed without default", v3alpha1.AmbassadorID{"blue"}, "default", false},
		{"automatic is for all", v3alpha1.AmbassadorID{"_automatic_"}, "blue", true},
		{"automatic among others", v3alpha1.AmbassadorID{"green", "_automatic_"}, "blue", true},
		{"an empty entry is not default", v3alpha1.AmbassadorID{""}, "default", false},
	} {
		if got := test.ids.IsMember(test.id); got != test.want {
			t.Errorf("%s: %q.IsMember(%q) = %v, want %v", test.name, test.ids, test.id, got, test.want)
		}
	}
}

func TestAmbassadorIDOfSeveral(t *testing.T) {
	t.Parallel()
	list := func(ids ...string) v3alpha1.AmbassadorID { return ids }
	for _, test := range []struct {
		list     v3alpha1.AmbassadorID
		id       string
		only     bool
		other    string
		isBefore bool
	}{
		{nil, "default", true, "", false},
		{nil, "blue", false, "", false},
		{list("blue"), "blue", true, "", false},
		{list("blue", "blue"), "blue", true, "", false},
		{list("blue"), "green", false, "", false},
		{list("green", "blue"), "green", false, "blue", true},
		{list("green", "blue"), "blue", false, "green", false},
		{list("_automatic_"), "blue", false, "green", true},
		{list("_automatic_"), "green", false, "blue", false},
		{list("_automatic_", "green"), "green", false, "blue", true},
		{list("_automatic_", "green"), "blue", false, "green", false},
	} {
		if got := test.list.Only(test.id); got != test.only {
			t.Errorf("%q.Only(%q) = %t", test.list, test.id, got)
		}
		if got := test.list.Before(test.id, test.other); test.other != "" && got != test.isBefore {
			t.Errorf("%q.Before(%q, %q) = %t", test.list, test.id, test.other, got)
		}
	}
}
