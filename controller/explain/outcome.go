package explain

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/crds/v3alpha1"
)

// outcome is what a route makes of a request that matches it.
func (e *Explainer) outcome(route *routev3.Route, r *received) Outcome {
	mapping := mappingOf(route)
	o := Outcome{Share: 100, Mapping: &mapping, Route: matchText(route.Match)}
	switch action := route.Action.(type) {
	case *routev3.Route_Route:
		if protocol := r.upgrade(); protocol != "" && !allowsUpgrade(action.Route, protocol) {
			o.Action, o.Status = Respond, 403
			o.Why = "the Mapping does not allow an upgrade to " + protocol + ": list it in allow_upgrade"
			return o
		}
		o.Action = Forward
		o.Services = []Service{e.service(action.Route.GetCluster(), 100)}
		o.Path = rewritten(route.Match, action.Route, r.path)
		o.Host = e.hostFor(action.Route, r)
		for _, mirror := range action.Route.RequestMirrorPolicies {
			o.Shadows = append(o.Shadows, e.service(mirror.Cluster, percent(mirror.RuntimeFraction)))
		}
	case *routev3.Route_Redirect:
		o.Action = Redirect
		o.Status = redirectStatus[action.Redirect.ResponseCode]
		o.Location = location(route.Match, action.Redirect, r)
		if o.insecure = action.Redirect.GetHttpsRedirect(); o.insecure {
			o.Why = "the request is not secure, and the Host's insecure action is Redirect"
		}
	case *routev3.Route_DirectResponse:
		o.Action = Respond
		o.Status = int(action.DirectResponse.Status)
		o.Why = e.troubles(mapping, v3alpha1.ConditionResolvedRefs)
	}
	return o
}

func allowsUpgrade(action *routev3.RouteAction, protocol string) bool {
	return slices.ContainsFunc(action.UpgradeConfigs, func(u *routev3.RouteAction_UpgradeConfig) bool {
		return strings.EqualFold(u.UpgradeType, protocol) && (u.Enabled == nil || u.Enabled.Value)
	})
}

// mappingOf names the Mapping a route was made from: the route has its name.
func mappingOf(route *routev3.Route) Object {
	namespace, name, _ := strings.Cut(route.Name, "/")
	return Object{Kind: "Mapping", Namespace: namespace, Name: name}
}

// service names the service behind a cluster: that of its endpoints, or of the EndpointSlices it follows.
func (e *Explainer) service(cluster string, share float64) Service {
	s := Service{Cluster: cluster, Share: share}
	message := e.clusters[cluster]
	if followed := message.GetEdsClusterConfig().GetServiceName(); followed != "" {
		if parts := strings.Split(followed, "/"); len(parts) == 4 { // k8s/namespace/name/port
			s.Name = net.JoinHostPort(parts[2]+"."+parts[1], parts[3])
		}
		return s
	}
	for _, locality := range message.GetLoadAssignment().GetEndpoints() {
		for _, endpoint := range locality.LbEndpoints {
			port := endpoint.GetEndpoint().GetAddress().GetSocketAddress().GetPortValue()
			s.Name = net.JoinHostPort(endpoint.GetEndpoint().Hostname, strconv.Itoa(int(port)))
			return s
		}
	}
	return s
}

// hostFor is the Host header a service gets.
func (e *Explainer) hostFor(action *routev3.RouteAction, r *received) string {
	if literal := action.GetHostRewriteLiteral(); literal != "" {
		return literal
	}
	if action.GetAutoHostRewrite().GetValue() {
		host, _, _ := net.SplitHostPort(e.service(action.GetCluster(), 100).Name)
		return host
	}
	return r.host
}

// rewritten is the path a service gets: with the part that the route matched replaced, or with what matches a regular
// expression replaced.
func rewritten(match *routev3.RouteMatch, action *routev3.RouteAction, path string) string {
	switch {
	case action.PrefixRewrite != "":
		return action.PrefixRewrite + path[matchedLength(match, path):]
	case action.RegexRewrite != nil:
		return substituted(action.RegexRewrite, path)
	default:
		return path
	}
}

// matchedLength is how much of a path, without its query, a route matched: the prefix, or all of it.
func matchedLength(match *routev3.RouteMatch, path string) int {
	switch specifier := match.PathSpecifier.(type) {
	case *routev3.RouteMatch_Prefix:
		return len(specifier.Prefix)
	case *routev3.RouteMatch_PathSeparatedPrefix:
		return len(specifier.PathSeparatedPrefix)
	default:
		path, _, _ = strings.Cut(path, "?")
		return len(path)
	}
}

// substituted replaces every match of a regular expression in a path, and leaves its query alone.
func substituted(rule *matcherv3.RegexMatchAndSubstitute, path string) string {
	expression, err := regexp.Compile(rule.GetPattern().GetRegex())
	if err != nil {
		return path
	}
	only, query, hasQuery := strings.Cut(path, "?")
	only = expression.ReplaceAllString(only, goTemplate(rule.Substitution))
	if hasQuery {
		only += "?" + query
	}
	return only
}

// goTemplate spells a substitution of RE2 the way of Go's regexp: \1 is ${1}, \\ is a backslash.
func goTemplate(substitution string) string {
	var b strings.Builder
	for i := 0; i < len(substitution); i++ {
		switch c := substitution[i]; {
		case c == '$':
			b.WriteString("$$")
		case c == '\\' && i+1 < len(substitution) && '0' <= substitution[i+1] && substitution[i+1] <= '9':
			i++
			b.WriteString("${" + substitution[i:i+1] + "}")
		case c == '\\' && i+1 < len(substitution):
			i++
			b.WriteByte(substitution[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

var redirectStatus = map[routev3.RedirectAction_RedirectResponseCode]int{
	routev3.RedirectAction_MOVED_PERMANENTLY:  301,
	routev3.RedirectAction_FOUND:              302,
	routev3.RedirectAction_SEE_OTHER:          303,
	routev3.RedirectAction_TEMPORARY_REDIRECT: 307,
	routev3.RedirectAction_PERMANENT_REDIRECT: 308,
}

// location is where a redirect sends the client.
func location(match *routev3.RouteMatch, redirect *routev3.RedirectAction, r *received) string {
	scheme := r.scheme
	switch {
	case redirect.GetHttpsRedirect():
		scheme = "https"
	case redirect.GetSchemeRedirect() != "":
		scheme = redirect.GetSchemeRedirect()
	}
	host := redirect.HostRedirect
	if host == "" {
		host = withoutUsualPort(r, scheme)
	}
	path := r.path
	switch rewrite := redirect.PathRewriteSpecifier.(type) {
	case *routev3.RedirectAction_PathRedirect:
		path = rewrite.PathRedirect
		if _, query, found := strings.Cut(r.path, "?"); found && !strings.Contains(path, "?") {
			path += "?" + query
		}
	case *routev3.RedirectAction_PrefixRewrite:
		path = rewrite.PrefixRewrite + path[matchedLength(match, path):]
	case *routev3.RedirectAction_RegexRewrite:
		path = substituted(rewrite.RegexRewrite, path)
	}
	return scheme + "://" + host + path
}

// withoutUsualPort is the host of a redirect to another scheme: the port that is usual for the scheme of the request
// makes no sense there.
func withoutUsualPort(r *received, scheme string) string {
	came := strings.Join(r.headers[forwardedProto], ",")
	if scheme == came {
		return r.host
	}
	switch came {
	case "http":
		return strings.TrimSuffix(r.host, ":80")
	case "https":
		return strings.TrimSuffix(r.host, ":443")
	default:
		return r.host
	}
}

// passOn is what becomes of a connection that TCPMappings take.
func (e *Explainer) passOn(l *listener, proxy *tcpproxyv3.TcpProxy) Outcome {
	o := Outcome{Share: 100, Action: Forward}
	weighted := proxy.GetWeightedClusters().GetClusters()
	if name := proxy.GetCluster(); name != "" {
		weighted = []*tcpproxyv3.TcpProxy_WeightedCluster_ClusterWeight{{Name: name, Weight: 1}}
	}
	total := 0.0
	for _, cluster := range weighted {
		total += float64(cluster.Weight)
	}
	for _, cluster := range weighted {
		s := e.service(cluster.Name, 100*float64(cluster.Weight)/total)
		s.Mapping = e.tcpMappingOf(l, cluster.Name)
		o.Services = append(o.Services, s)
	}
	if len(o.Services) == 1 {
		o.Mapping, o.Services[0].Mapping = o.Services[0].Mapping, nil
	}
	return o
}

// tcpMappingOf names the TCPMapping that a listener has a cluster from.
func (e *Explainer) tcpMappingOf(l *listener, cluster string) *Object {
	listeners := e.output.Owners[compile.ResourceID{TypeURL: compile.ListenerType, Name: l.name}]
	for _, ref := range e.output.Owners[compile.ResourceID{TypeURL: compile.ClusterType, Name: cluster}] {
		if ref.Kind == "TCPMapping" && slices.Contains(listeners, ref) {
			object := Object(ref)
			return &object
		}
	}
	return nil
}
