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

// resolvers reports on the resolver objects of this install and returns what each name stands for. Names are looked up
// over all namespaces, as in Emissary.
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
	names[serviceResolverName] = byService
	names["kubernetes-endpoint"], names["endpoint"] = byEndpoints, byEndpoints
	names["consul-endpoint"], names["consul"] = byConsul, byConsul
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
