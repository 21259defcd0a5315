package compile

import "math"

// cumulativeWeights turns the weights of a group's members, in load order, into the order their routes are tried in and
// the share in percent at which each of them is taken. Envoy draws one random number per request and compares it with
// every route in turn, so shares add up: 10 and 25 become 10 and 35.
//
// A nil weight means "an equal part of what is left". Weighted members come first; the last weightless one always gets
// the rest. A single member takes everything, whatever its weight says. Without a weightless member, what is missing to
// 100 falls through to lower routes, as in Emissary. total is the sum of the weights; what is beyond 100 is cut off.
func cumulativeWeights(weights []*int) (order, shares []int, total int) {
	if len(weights) == 1 {
		return []int{0}, []int{100}, 0
	}
	var weightless []int
	for i, weight := range weights {
		if weight == nil {
			weightless = append(weightless, i)
			continue
		}
		total += *weight
		order, shares = append(order, i), append(shares, min(total, 100))
	}
	share := min(total, 100)
	each := 0
	if len(weightless) > 0 {
		each = int(math.RoundToEven(float64(100-share) / float64(len(weightless))))
	}
	for i, member := range weightless {
		share = min(share+each, 100)
		if i == len(weightless)-1 {
			share = 100
		}
		order, shares = append(order, member), append(shares, share)
	}
	return order, shares, total
}
