package compile

import (
	"slices"
	"testing"
)

func TestCumulativeWeights(t *testing.T) {
	t.Parallel()
	const none = -1000
	tests := map[string]struct {
		weights       []int
		order, shares []int
		total         int
	}{
		"single":                           {weights: []int{none}, order: []int{0}, shares: []int{100}},
		"single ignores its weight":        {weights: []int{20}, order: []int{0}, shares: []int{100}},
		"two weightless":                   {weights: []int{none, none}, order: []int{0, 1}, shares: []int{50, 100}},
		"three weightless":                 {weights: []int{none, none, none}, order: []int{0, 1, 2}, shares: []int{33, 66, 100}},
		"canary":                           {weights: []int{none, 10}, order: []int{1, 0}, shares: []int{10, 100}},
		"weighted first, rest shared":      {weights: []int{none, 10, 25, none}, order: []int{1, 2, 0, 3}, shares: []int{10, 35, 67, 100}},
		"zero":                             {weights: []int{0, none}, order: []int{0, 1}, shares: []int{0, 100}},
		"full canary":                      {weights: []int{none, 100}, order: []int{1, 0}, shares: []int{100, 100}},
		"less than all falls through":      {weights: []int{20, 30}, order: []int{0, 1}, shares: []int{20, 50}},
		"more weightless than there is":    {weights: []int{99, none, none, none}, order: []int{0, 1, 2, 3}, shares: []int{99, 99, 99, 100}},
		"half rounds to even":              {weights: []int{95, none, none}, order: []int{0, 1, 2}, shares: []int{95, 97, 100}},
		"total over 100 is cut":            {weights: []int{70, 60}, order: []int{0, 1}, shares: []int{70, 100}, total: 130},
		"nothing left for the weightless":  {weights: []int{70, 60, none}, order: []int{0, 1, 2}, shares: []int{70, 100, 100}, total: 130},
		"single over 100 is still a whole": {weights: []int{150}, order: []int{0}, shares: []int{100}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var weights []*int
			for _, w := range test.weights {
				if w == none {
					weights = append(weights, nil)
				} else {
					weights = append(weights, &w)
				}
			}
			order, shares, total := cumulativeWeights(weights)
			if test.total != 0 && total != test.total {
				t.Errorf("total = %d, want %d", total, test.total)
			}
			if !slices.Equal(order, test.order) || !slices.Equal(shares, test.shares) {
				t.Errorf("got order %v shares %v, want %v %v", order, shares, test.order, test.shares)
			}
		})
	}
}
