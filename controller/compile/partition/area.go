package partition

// Range is a set of texts that lie between two others, ordered by their bytes: From and what follows it, up to but not
// including To. An empty To sets no end, so that the zero Range holds everything.
type Range struct{ From, To string }

// Exactly holds one text.
func Exactly(text string) Range { return Range{text, text + "\x00"} }

// StartingWith holds every text with a prefix.
func StartingWith(prefix string) Range {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return Range{prefix, prefix[:i] + string([]byte{prefix[i] + 1})}
		}
	}
	return Range{From: prefix}
}

// Union is the smallest range that holds both.
func (r Range) Union(other Range) Range {
	union := Range{From: min(r.From, other.From)}
	if r.To != "" && other.To != "" {
		union.To = max(r.To, other.To)
	}
	return union
}

// below and above report whether some text of the range is less than a cut, or not.
func (r Range) below(cut string) bool { return r.From < cut }
func (r Range) above(cut string) bool { return r.To == "" || r.To > cut }

func (r Range) overlaps(other Range) bool {
	return (other.To == "" || r.below(other.To)) && r.above(other.From)
}

// Area is a set of requests: those whose host and path lie in two ranges. Hosts are in lower case and carry the port as
// the request does; paths are without their query.
type Area struct{ Hosts, Paths Range }

// Item is something to find in a route table: where its requests are, and how much it weighs, in what Envoy takes to
// build a route.
type Item struct {
	Area
	Weight int
}

// Overlaps reports whether some request is in both areas.
func (a Area) Overlaps(other Area) bool {
	return a.Hosts.overlaps(other.Hosts) && a.Paths.overlaps(other.Paths)
}
