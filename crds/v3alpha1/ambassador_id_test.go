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
