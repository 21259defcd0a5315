package compile

import (
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
)

// clusters are the clusters in use and the load assignments they need, with who uses them: what nobody uses any more
// goes.
type clusters struct {
	byName map[string]*cluster
	// byService finds the clusters that a Service has a say in.
	byService map[serviceKey][]*cluster

	assigned map[string]*assignment
	// assignedTo finds the load assignments of a Service.
	assignedTo map[serviceKey][]*assignment

	// user is the group whose routes are being made; nil when clusters are made for something that only changes with
	// everything else.
	user *group
	// idle are clusters that lost a user.
	idle []*cluster
	// unmade are those, and load assignments, whose messages are to be made.
	unmade         []*cluster
	unmadeAssigned []*assignment
}

type serviceKey struct{ namespace, name string }

// cluster is a cluster and its users.
type cluster struct {
	name     string
	upstream upstream
	services []serviceKey
	// assignment is the name of the load assignment; empty when the cluster is not of the type EDS.
	assignment string

	// fixed is set when something else than a group uses the cluster.
	fixed  bool
	groups []*group
}

// assignment is the load assignment of one port of a Service.
type assignment struct {
	name string
	port servicePort
	// clusters counts its users.
	clusters int
}

// newClusters has room for the clusters of some Mappings.
func newClusters(mappings int) *clusters {
	return &clusters{
		byName:     make(map[string]*cluster, mappings),
		byService:  make(map[serviceKey][]*cluster, mappings),
		assigned:   make(map[string]*assignment, mappings),
		assignedTo: make(map[serviceKey][]*assignment, mappings),
	}
}

// file puts a new cluster under the names of its Services.
func (c *clusters) file(added *cluster, ownNamespace string) {
	under := func(service serviceName) {
		if namespace, name, ok := service.kubernetesService(ownNamespace); ok {
			key := serviceKey{namespace, name}
			added.services = append(added.services, key)
			c.byService[key] = append(c.byService[key], added)
		}
	}
	under(added.upstream.Service)
	for _, other := range added.upstream.Others {
		under(other)
	}
}

// use notes that the present user needs a cluster.
func (c *clusters) use(used *cluster) {
	if c.user == nil {
		used.fixed = true
		return
	}
	if !slices.Contains(used.groups, c.user) {
		used.groups = append(used.groups, c.user)
		c.user.clusters = append(c.user.clusters, used)
	}
}

// release notes that a group needs none of its clusters any more.
func (c *clusters) release(g *group) {
	for _, used := range g.clusters {
		used.groups = slices.DeleteFunc(used.groups, func(user *group) bool { return user == g })
		c.idle = append(c.idle, used)
	}
	g.clusters = nil
}

// assign brings the load assignment that a cluster uses up to date with the Services there are.
func (c *Compiler) assign(used *cluster) {
	port, bySlices := c.servicePort(used.upstream)
	before := c.clusters.assigned[used.assignment]
	used.assignment = ""
	if bySlices {
		assigned := c.clusters.assignmentOf(port)
		assigned.clusters++
		used.assignment = assigned.name
	}
	if before != nil {
		before.clusters--
	}
}

// assignmentOf is the load assignment of a port of a Service, which may be new.
func (c *clusters) assignmentOf(port servicePort) *assignment {
	name := port.resource()
	assigned := c.assigned[name]
	if assigned == nil {
		assigned = &assignment{name: name, port: port}
		c.assigned[name] = assigned
		c.assignedTo[port.service] = append(c.assignedTo[port.service], assigned)
		c.unmadeAssigned = append(c.unmadeAssigned, assigned)
	}
	return assigned
}

// made are messages that a delta is to have.
type made struct {
	clusters    []*clusterv3.Cluster
	assignments []*endpointv3.ClusterLoadAssignment
}

// makeClusters makes the messages of clusters and load assignments that have none yet. It reads the store and what was
// compiled before any route, and writes nothing but what clusters and load assignments know of each other: other work that
// makes no cluster can go on beside it.
func (c *Compiler) makeClusters() (m made) {
	m.clusters = make([]*clusterv3.Cluster, len(c.clusters.unmade))
	for i, used := range c.clusters.unmade {
		if used.services == nil { // it is new
			c.clusters.file(used, c.options.Namespace)
			c.assign(used)
		}
		m.clusters[i] = c.newCluster(used)
	}
	m.assignments = make([]*endpointv3.ClusterLoadAssignment, len(c.clusters.unmadeAssigned))
	for i, assigned := range c.clusters.unmadeAssigned {
		m.assignments[i] = endpoints(c.store, assigned)
	}
	return m
}

// handOver puts messages that were made into the delta. They are not kept: they would be a large part of the controller's
// memory, and upstreams and the store say all that is in them.
func (c *Compiler) handOver(m made) {
	for i, used := range c.clusters.unmade {
		c.delta.change(ResourceID{ClusterType, used.name}, m.clusters[i])
	}
	for i, assigned := range c.clusters.unmadeAssigned {
		if c.clusters.assigned[assigned.name] == assigned { // else it has lost its users in the same update
			c.delta.change(ResourceID{EndpointType, assigned.name}, m.assignments[i])
		}
	}
	c.clusters.unmade, c.clusters.unmadeAssigned = nil, nil
}

// sweep forgets what nobody uses any more.
func (c *clusters) sweep(d *Delta) {
	for _, idle := range c.idle {
		if idle.fixed || len(idle.groups) > 0 || c.byName[idle.name] != idle {
			continue
		}
		delete(c.byName, idle.name)
		for _, key := range idle.services {
			remove(c.byService, key, idle)
		}
		d.remove(ResourceID{ClusterType, idle.name})
		if assigned := c.assigned[idle.assignment]; assigned != nil {
			assigned.clusters--
			c.drop(assigned, d)
		}
	}
	c.idle = nil
}

// drop forgets a load assignment that no cluster uses.
func (c *clusters) drop(assigned *assignment, d *Delta) {
	if assigned.clusters > 0 {
		return
	}
	delete(c.assigned, assigned.name)
	remove(c.assignedTo, assigned.port.service, assigned)
	d.remove(ResourceID{EndpointType, assigned.name})
}

// remove takes a value out of a list in a map of lists.
func remove[K, V comparable](lists map[K][]V, key K, value V) {
	kept := slices.DeleteFunc(lists[key], func(other V) bool { return other == value })
	if lists[key] = kept; len(kept) == 0 {
		delete(lists, key)
	}
}

// clusterMessages are the clusters as Envoy is given them.
func (c *Compiler) clusterMessages() map[string]*clusterv3.Cluster {
	messages := make(map[string]*clusterv3.Cluster, len(c.clusters.byName))
	for name, used := range c.clusters.byName {
		if c.delta != nil {
			messages[name], _ = c.delta.Changed[ResourceID{ClusterType, name}].(*clusterv3.Cluster)
		}
		if messages[name] == nil {
			messages[name] = c.newCluster(used)
		}
	}
	return messages
}

// assignmentMessages are the load assignments as Envoy is given them.
func (c *Compiler) assignmentMessages() map[string]*endpointv3.ClusterLoadAssignment {
	messages := make(map[string]*endpointv3.ClusterLoadAssignment, len(c.clusters.assigned))
	for name, assigned := range c.clusters.assigned {
		messages[name] = endpoints(c.store, assigned)
	}
	return messages
}
