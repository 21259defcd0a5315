package controller

import (
	"google.golang.org/protobuf/proto"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/xds"
)

// resources names every message of a configuration for the xDS server.
func resources(output *compile.Output) []xds.Resource {
	all := make([]xds.Resource, 0, len(output.Clusters)+len(output.Endpoints)+len(output.Secrets)+len(output.Listeners)+len(output.Routes)+1)
	add := func(kind, name string, message proto.Message) {
		all = append(all, xds.Resource{ID: xds.ID{TypeURL: kind, Name: name}, Message: message})
	}
	for _, cluster := range output.Clusters {
		add(xds.ClusterType, cluster.GetName(), cluster)
	}
	for _, endpoints := range output.Endpoints {
		add(xds.EndpointType, endpoints.GetClusterName(), endpoints)
	}
	for _, secret := range output.Secrets {
		add(xds.SecretType, secret.GetName(), secret)
	}
	for _, listener := range output.Listeners {
		add(xds.ListenerType, listener.GetName(), listener)
	}
	for _, scope := range output.Scopes {
		add(xds.ScopeType, scope.GetName(), scope)
	}
	for _, routes := range output.Routes {
		add(xds.RouteType, routes.GetName(), routes)
	}
	return all
}
