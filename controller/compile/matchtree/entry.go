package matchtree

import (
	"bytes"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Entry is a route with what a tree needs to know of it: worked out when a tree first needs it, and kept. Make one for
// each route and keep it as long as the route, so that building a tree again neither marshals nor analyses what has
// not changed. An entry may be in many trees, but not in two that are being built at the same time.
type Entry struct {
	// route is nil while wire stands for it: a tree needs no more, and messages take several times the room.
	route    *routev3.Route
	prepared bool
	usable   bool

	// wire is the marshalled route.
	wire []byte
	kind kind
	// path is what is compared with the path: a prefix or the whole of it; unused where it is a regular expression.
	path     string
	foldCase bool
	// literal is what every path that the route matches is known to start with, without "?" and "#".
	literal string
	// conditions are all that the route asks beside the path, sorted: parts of wire.
	conditions [][]byte
}

type kind int

const (
	kindPrefix kind = iota
	kindExact
	kindRegex
)

// NewEntry wraps a route, which must not be changed afterwards.
func NewEntry(route *routev3.Route) *Entry {
	return &Entry{route: route}
}

// Route returns the route.
func (e *Entry) Route() *routev3.Route {
	if e.route == nil {
		e.route = &routev3.Route{}
		if err := proto.Unmarshal(e.wire, e.route); err != nil {
			panic(err) // it was marshalled here
		}
	}
	return e.route
}

// Literal returns what every path that a route matches starts with, and whether that is the only such path, apart from its
// query. The literal is empty where nothing is known.
func Literal(match *routev3.RouteMatch) (literal string, only bool) {
	e := Entry{}
	if !e.readPath(match) {
		return "", false
	}
	return e.literal, e.kind == kindExact && e.literal == e.path
}

// prepare works out what there is to know and says whether the route can be in a tree.
func (e *Entry) prepare() bool {
	if e.prepared {
		return e.usable
	}
	e.prepared = true
	match := e.route.GetMatch()
	if !e.readPath(match) {
		return false
	}
	var err error
	if e.wire, err = deterministic.Marshal(e.route); err != nil {
		return false
	}
	e.conditions = conditionsOf(e.wire)
	e.usable = true
	return true
}

// readPath reads what a route compares with the path. It returns false for a specifier it does not know.
func (e *Entry) readPath(match *routev3.RouteMatch) bool {
	e.foldCase = match.GetCaseSensitive() != nil && !match.GetCaseSensitive().GetValue()
	switch specifier := match.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix:
		e.comparePath(kindPrefix, specifier.Prefix)
	case *routev3.RouteMatch_Path:
		e.comparePath(kindExact, specifier.Path)
	case *routev3.RouteMatch_SafeRegex:
		e.kind = kindRegex
		e.literal = literalPrefix(specifier.SafeRegex.GetRegex())
	default:
		return false
	}
	if i := strings.IndexAny(e.literal, "?#"); i >= 0 {
		e.literal = e.literal[:i]
	}
	return true
}

func (e *Entry) comparePath(k kind, path string) {
	e.kind, e.path, e.literal = k, path, path
	if e.foldCase {
		e.literal = path[:caselessLength(path)]
	}
}

var deterministic = proto.MarshalOptions{Deterministic: true}

// conditionsOf lists what a marshalled route asks beside the path, as the fields of its match. They hold together or not
// at all for a request, so a route is never reached after one that matches the same paths and asks the same or less.
// Fields that Envoy adds count as well.
func conditionsOf(route []byte) (conditions [][]byte) {
	eachField(route, func(number protowire.Number, _, value []byte) {
		if number != routeMatch {
			return
		}
		eachField(value, func(number protowire.Number, field, _ []byte) {
			switch number {
			case matchPrefix, matchPath, matchSafeRegex, matchCaseSensitive:
			default:
				conditions = append(conditions, field)
			}
		})
	})
	slices.SortFunc(conditions, bytes.Compare)
	return conditions
}

// Numbers of the fields of Route and RouteMatch.
const (
	routeMatch = 1

	matchPrefix        = 1
	matchPath          = 2
	matchCaseSensitive = 4
	matchSafeRegex     = 10
)

// eachField goes through the fields of a message that was marshalled here: each as a whole, and its value without tag and
// length where it is a message.
func eachField(message []byte, visit func(number protowire.Number, field, value []byte)) {
	for len(message) > 0 {
		number, kind, tag := protowire.ConsumeTag(message)
		size := tag + protowire.ConsumeFieldValue(number, kind, message[tag:])
		value := message[tag:size]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(value)
		}
		visit(number, message[:size:size], value)
		message = message[size:]
	}
}

// covers says that the route's path matches every path that starts with key.
func (e *Entry) covers(key string) bool {
	if e.kind != kindPrefix {
		return false
	}
	if e.foldCase {
		return hasPrefixFold(key, e.path)
	}
	return strings.HasPrefix(key, e.path)
}

// canMatch says whether the route may match a path that starts with key.
func (e *Entry) canMatch(key string) bool {
	switch {
	case e.kind == kindRegex:
		return strings.HasPrefix(key, e.literal) || strings.HasPrefix(e.literal, key)
	case e.foldCase:
		return hasPrefixFold(e.path, key) || e.covers(key)
	default:
		return strings.HasPrefix(e.path, key) || e.covers(key)
	}
}

// implies says that whatever request fulfils the conditions of e fulfils those of other: other's are among them.
func (e *Entry) implies(other *Entry) bool {
	rest := e.conditions
	for _, condition := range other.conditions {
		i := slices.IndexFunc(rest, func(other []byte) bool { return bytes.Equal(other, condition) })
		if i < 0 {
			return false
		}
		rest = rest[i+1:]
	}
	return true
}

// caselessLength is the length of what a path starts with that has no ASCII letter: the only part that is the same in
// every spelling.
func caselessLength(path string) int {
	for i := range len(path) {
		if lower(path[i]) != upper(path[i]) {
			return i
		}
	}
	return len(path)
}

func hasPrefixFold(text, prefix string) bool {
	if len(text) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lower(text[i]) != lower(prefix[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}
