package compile

import "fmt"

// resolver is how the address of a service is found.
type resolver int

const (
	// byService goes to the Service's cluster IP and leaves balancing to Kubernetes; names that are no Service go to DNS.
	byService resolver = iota
	// byEndpoints goes to the ready endpoints of the Service.
	byEndpoints
	// byConsul is known by name only.
	byConsul
)

// serviceResolverName is the built-in resolver used where nothing else is named.
const serviceResolverName = "kubernetes-service"

// fault is something wrong that is noted on whichever object turns out to need what it is about.
type fault struct {
	reason, message string
}

func faultf(reason, format string, args ...any) *fault {
	return &fault{reason: reason, message: fmt.Sprintf(format, args...)}
}

// builtInResolvers are there without an object. Those of one line are one resolver under two names.
var builtInResolvers = []struct {
	names []string
	means resolver
}{
	{[]string{serviceResolverName}, byService},
	{[]string{"kubernetes-endpoint", "endpoint"}, byEndpoints},
	{[]string{"consul-endpoint", "consul"}, byConsul},
}

// resolversByName reports on the resolver objects of this install and returns what each name stands for. Names are
// looked up over all namespaces, and an object takes the place of a built-in resolver, under both its names unless there
// is one for each: all as in Emissary.
func (c *Compiler) resolversByName() map[string]resolver {
	names := map[string]resolver{}
	for _, object := range c.store.ConsulResolvers() {
		if c.member(object) {
			_, report := c.ledger.open(object)
			report.refuse(ReasonNotImplemented, "ConsulResolver is not supported: Mappings that name it are not served")
			names[object.Name] = byConsul
		}
	}
	for _, object := range c.store.EndpointResolvers() {
		if c.member(object) {
			c.ledger.open(object)
			names[object.Name] = byEndpoints
		}
	}
	for _, object := range c.store.ServiceResolvers() {
		if c.member(object) {
			c.ledger.open(object)
			names[object.Name] = byService
		}
	}
	for _, builtIn := range builtInResolvers {
		means := builtIn.means
		for _, name := range builtIn.names {
			if object, exists := names[name]; exists {
				means = object
			}
		}
		for _, name := range builtIn.names {
			if _, exists := names[name]; !exists {
				names[name] = means
			}
		}
	}
	return names
}

// resolverNamed finds a resolver.
func (c *Compiler) resolverNamed(name string) (resolver, *fault) {
	found, exists := c.resolvers[name]
	switch {
	case !exists:
		return 0, faultf(ReasonResolverNotFound, "resolver %q does not exist: create a KubernetesEndpointResolver or "+
			"KubernetesServiceResolver of that name, or use kubernetes-service or kubernetes-endpoint", name)
	case found == byConsul:
		return 0, faultf(ReasonNotImplemented, "resolver %q: Consul is not supported", name)
	}
	return found, nil
}
