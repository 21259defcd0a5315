package quarantine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// verdict is an oracle that judges a configuration by the names of the Mappings and Hosts it is made of.
type verdict func(names []string) (refusal string, err error)

func (v verdict) Ask(_ context.Context, output *compile.Output) (string, error) {
	var names []string
	for _, routes := range output.Routes {
		for _, host := range routes.VirtualHosts {
			names = append(names, host.Name)
		}
	}
	return v(names)
}

// naming is a compiler whose configurations hold nothing but those names.
func naming(s *store.Store) *compile.Output {
	routes := &routev3.RouteConfiguration{Name: "routes"}
	for _, host := range s.Hosts() {
		routes.VirtualHosts = append(routes.VirtualHosts, &routev3.VirtualHost{Name: host.Name})
	}
	for _, mapping := range s.Mappings() {
		routes.VirtualHosts = append(routes.VirtualHosts, &routev3.VirtualHost{Name: mapping.Name})
	}
	return &compile.Output{Routes: []*routev3.RouteConfiguration{routes}}
}

// refusing refuses every configuration that holds one of the combinations, "a+b" being one of two objects.
func refusing(combinations ...string) verdict {
	return func(names []string) (string, error) {
		for _, combination := range combinations {
			parts := strings.Split(combination, "+")
			if !slices.ContainsFunc(parts, func(part string) bool { return !slices.Contains(names, part) }) {
				return combination + " is bad", nil
			}
		}
		return "", nil
	}
}

func meta(name string, version int) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "default", Name: name, Generation: 1, ResourceVersion: fmt.Sprint(version)}
}

// world makes a Host h and n Mappings m0, m1, …, each newer than the one before; all of them own the routes, except that
// the Mapping "other" does not.
func world(n int) (objects map[store.Ref]metav1.Object, owners []store.Ref) {
	objects = map[store.Ref]metav1.Object{}
	add := func(object metav1.Object) {
		objects[store.RefOf(object)] = object
		if object.GetName() != "other" {
			owners = append(owners, store.RefOf(object))
		}
	}
	add(&v3alpha1.Mapping{ObjectMeta: meta("other", 1)})
	add(&v3alpha1.Host{ObjectMeta: meta("h", n+9)}) // newer, and yet before the Mappings that need it
	for i := range n {
		add(&v3alpha1.Mapping{ObjectMeta: meta(fmt.Sprintf("m%d", i), i+2)})
	}
	return objects, owners
}

func TestSearch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		n      int
		oracle verdict
		want   []string
		asked  int // at most
	}{
		"the newest":               {1000, refusing("m999"), []string{"m999"}, 2},
		"one of the newest":        {1000, refusing("m990"), []string{"m990"}, 11},
		"the oldest":               {1000, refusing("m0"), []string{"m0"}, 22},
		"any":                      {1000, refusing("m617"), []string{"m617"}, 22},
		"the only one":             {1, refusing("m0"), []string{"m0"}, 3},
		"three":                    {100, refusing("m3", "m50", "m98"), []string{"m3", "m50", "m98"}, 40},
		"a Host":                   {100, refusing("h"), []string{"h"}, 16},
		"two that do not fit":      {100, refusing("m7+m70"), []string{"m70"}, 16},
		"a Host and a Mapping":     {100, refusing("h+m20"), []string{"m20"}, 16},
		"one alone and one with h": {100, refusing("m5", "h+m20"), []string{"m5", "m20"}, 30},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, owners := world(test.n)
			s := newSearch(Options{Oracle: test.oracle, Compile: naming}, compile.RouteType, InForce{Objects: objects, Owners: owners})
			culprits, err := s.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range culprits {
				got = append(got, c.object.GetName())
				if !strings.Contains(c.words, "is bad") || !strings.Contains(c.words, c.object.GetName()) {
					t.Errorf("%s is blamed with %q", c.object.GetName(), c.words)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("found %v, want %v", got, test.want)
			}
			if s.asked > test.asked {
				t.Errorf("%d questions, want at most %d", s.asked, test.asked)
			}
		})
	}
}

// What Envoy has accepted is no suspect as long as it takes that alone.
func TestAcceptedObjectsAreNoSuspects(t *testing.T) {
	t.Parallel()
	h, m20 := store.Ref{Kind: "Host", Namespace: "default", Name: "h"}, store.Ref{Kind: "Mapping", Namespace: "default", Name: "m20"}
	tests := map[string]struct {
		oracle verdict
		trials map[store.Ref]metav1.Object
		want   []string
	}{
		"on trial":              {refusing("m20"), map[store.Ref]metav1.Object{m20: nil}, []string{"m20"}},
		"another one is":        {refusing("m20"), map[store.Ref]metav1.Object{h: nil}, []string{"m20"}},
		"the older of two":      {refusing("h+m20"), map[store.Ref]metav1.Object{h: nil}, []string{"h"}},
		"the newer of two":      {refusing("h+m20"), map[store.Ref]metav1.Object{m20: nil}, []string{"m20"}},
		"both":                  {refusing("h+m20"), map[store.Ref]metav1.Object{h: nil, m20: nil}, []string{"m20"}},
		"accepted as it was":    {refusing("h+m20+m5"), map[store.Ref]metav1.Object{h: &v3alpha1.Host{ObjectMeta: meta("h", 1)}, m20: nil}, []string{"m20"}},
		"one of them, and more": {refusing("h+m20", "m5"), map[store.Ref]metav1.Object{h: nil}, []string{"m5", "m20"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, owners := world(50)
			in := InForce{Objects: objects, Owners: owners, Trials: test.trials}
			culprits, err := newSearch(Options{Oracle: test.oracle, Compile: naming}, compile.RouteType, in).run(t.Context())
			var got []string
			for _, c := range culprits {
				got = append(got, c.object.GetName())
			}
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("found %v, error %v; want %v", got, err, test.want)
			}
		})
	}
}

// listeners is an oracle that refuses those with an HTTP filter.
type listeners string

func (l listeners) Ask(_ context.Context, output *compile.Output) (string, error) {
	for _, listener := range output.Listeners {
		if raw, err := proto.Marshal(listener); err != nil || bytes.Contains(raw, []byte(l)) {
			return "no " + string(l), err
		}
	}
	return "", nil
}

// Without knowing what Envoy has accepted: what shows in listeners only is not the Listener's fault.
func TestAPolicyIsNotTheListenersFault(t *testing.T) {
	t.Parallel()
	auth := &v3alpha1.AuthService{ObjectMeta: meta("auth", 9), Spec: v3alpha1.AuthServiceSpec{AuthService: "s", Proto: "http"}}
	in := InForce{Objects: install(auth)}
	for ref := range in.Objects {
		if ref.Kind == "Listener" || ref.Kind == "Host" {
			in.Owners = append(in.Owners, ref)
		}
	}
	in.Owners = append(in.Owners, store.RefOf(auth))
	o := Options{Oracle: listeners("envoy.filters.http.ext_authz"), AmbassadorID: "default", Compile: func(s *store.Store) *compile.Output { return compile.Compile(s, compile.Defaults()) }}
	culprits, err := newSearch(o, compile.ListenerType, in).run(t.Context())
	if err != nil || len(culprits) != 1 || culprits[0].object != metav1.Object(auth) {
		t.Errorf("found %+v, error %v", culprits, err)
	}
}

// opening is a compiler that opens a Listener when there is a Host, and names it after itself and the Hosts.
func opening(s *store.Store) *compile.Output {
	output := &compile.Output{}
	for _, listener := range s.Listeners() {
		name := listener.Name
		for _, host := range s.Hosts() {
			name += " " + host.Name
		}
		if name != listener.Name {
			output.Listeners = append(output.Listeners, &listenerv3.Listener{Name: name})
		}
	}
	return output
}

// A Listener that is not opened without Hosts is at fault itself, if another one shows that the Hosts are not.
func TestAHostIsNotAtFaultForTheListenerThatItOpens(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ listeners, hosts, want []string }{
		"a Listener":          {[]string{"bad", "good"}, []string{"a", "b"}, []string{"bad"}},
		"the only one":        {[]string{"bad"}, []string{"a", "b"}, []string{"bad"}},
		"two Listeners":       {[]string{"bad 1", "bad 2"}, []string{"a", "b"}, []string{"bad 1", "bad 2"}},
		"a Host":              {[]string{"x", "y"}, []string{"a", "bad", "c"}, []string{"bad"}},
		"a Host and Listener": {[]string{"bad listener", "x"}, []string{"a", "bad host", "c"}, []string{"bad listener", "bad host"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := InForce{Objects: map[store.Ref]metav1.Object{}}
			for _, name := range test.listeners {
				object := &v3alpha1.Listener{ObjectMeta: meta(name, 1)}
				in.Objects[store.RefOf(object)] = object
			}
			for _, name := range test.hosts {
				object := &v3alpha1.Host{ObjectMeta: meta(name, 1)}
				in.Objects[store.RefOf(object)] = object
			}
			in.Owners = slices.Collect(maps.Keys(in.Objects))
			culprits, err := newSearch(Options{Oracle: listeners("bad"), Compile: opening}, compile.ListenerType, in).run(t.Context())
			var got []string
			for _, c := range culprits {
				got = append(got, c.object.GetName())
			}
			slices.Sort(got)
			slices.Sort(test.want)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("found %v, error %v; want %v", got, err, test.want)
			}
		})
	}
}

// A search that is cut short has still found those before: each is refused with the row before it, and that is taken.
func TestSearchThatIsCutShort(t *testing.T) {
	t.Parallel()
	objects, owners := world(50)
	both, asked := refusing("m3", "m48"), 0
	oracle := func(names []string) (string, error) {
		refusal, err := both(names)
		if asked++; asked > 12 {
			return "", errors.New("no time")
		}
		return refusal, err
	}
	culprits, err := newSearch(Options{Oracle: verdict(oracle), Compile: naming}, compile.RouteType, InForce{Objects: objects, Owners: owners}).run(t.Context())
	if err == nil || len(culprits) != 1 || culprits[0].object.GetName() != "m3" {
		t.Errorf("found %+v, error %v; want m3 and an error", culprits, err)
	}
}

// Many bad routes are many culprits; many bad Hosts are something else.
func TestSearchForMany(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first, second string // the prefixes of the names of 40 objects each
		found         int
		want          string // the error
	}{
		"Mappings": {"Host", "bad Mapping", 40, ""},
		"Hosts":    {"bad Host", "Mapping", 0, "without 32 of its objects too: bad Host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := InForce{Objects: map[store.Ref]metav1.Object{}}
			for i := range 40 {
				for _, object := range []metav1.Object{
					&v3alpha1.Host{ObjectMeta: meta(fmt.Sprint(test.first, i), 1)}, &v3alpha1.Mapping{ObjectMeta: meta(fmt.Sprint(test.second, i), 1)},
				} {
					in.Objects[store.RefOf(object)] = object
					in.Owners = append(in.Owners, store.RefOf(object))
				}
			}
			bad := verdict(func(names []string) (string, error) {
				if i := slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(name, "bad") }); i >= 0 {
					return names[i], nil
				}
				return "", nil
			})
			culprits, err := newSearch(Options{Oracle: bad, Compile: naming}, compile.RouteType, in).run(t.Context())
			if len(culprits) != test.found || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("found %d, error %v; want %d, %q", len(culprits), err, test.found, test.want)
			}
		})
	}
}

func TestSearchWithoutACulprit(t *testing.T) {
	t.Parallel()
	broken := errors.New("no such program")
	tests := map[string]struct {
		oracle verdict
		want   string
	}{
		"taken offline":       {refusing(), errTaken.Error()},
		"not the owners":      {func([]string) (string, error) { return "port is bad", nil }, "without any of the objects it is made of: port is bad"},
		"no part of it":       {refusing("other"), errTaken.Error()},
		"cannot be asked":     {func([]string) (string, error) { return "", broken }, broken.Error()},
		"cannot go on asking": {func(names []string) (string, error) { return "bad", map[bool]error{true: broken}[len(names) < 51] }, broken.Error()},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, owners := world(50)
			culprits, err := newSearch(Options{Oracle: test.oracle, Compile: naming}, compile.RouteType, InForce{Objects: objects, Owners: owners}).run(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) || culprits != nil {
				t.Errorf("found %v, error %v; want an error with %q", culprits, err, test.want)
			}
		})
	}
}
