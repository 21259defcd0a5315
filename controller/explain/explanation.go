package explain

import (
	"fmt"

	"terraform-provider-emissary/controller/store"
)

// Explanation says what becomes of a request. Its parts are filled in as far as the request gets.
type Explanation struct {
	Request Request `json:"request"`
	// Served is whether a Mapping or TCPMapping serves the request, or a share of all requests like it.
	Served bool `json:"served"`
	// Outcomes are what may become of the request. Their shares add up to 100.
	Outcomes []Outcome `json:"outcomes"`

	// Listener the connection arrives at.
	Listener *Listener `json:"listener,omitempty"`
	// FilterChain of the Listener that takes the connection.
	FilterChain string `json:"filter_chain,omitempty"`
	// RouteConfiguration the request is looked up in.
	RouteConfiguration string `json:"route_configuration,omitempty"`
	// VirtualHost is the hostname, as Hosts spell it, that the request's host falls under.
	VirtualHost string `json:"virtual_host,omitempty"`
	// Hosts have that hostname. There is none where no Host object exists and everything is served for "*".
	Hosts []Object `json:"hosts,omitempty"`
	// Path is what routes are matched against: the request's path after normalization.
	Path string `json:"path,omitempty"`

	// Nearest are Mappings that do not serve the request and might have been meant to, the nearest first.
	Nearest []Near `json:"nearest,omitempty"`
	// Notes name what else has a say in the answer and is not evaluated.
	Notes []string `json:"notes,omitempty"`
}

// Object names a Kubernetes object.
type Object struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// String is "Mapping default/quote".
func (o Object) String() string { return store.Ref(o).String() }

// Listener is where a connection arrives.
type Listener struct {
	// Name is that of the Envoy listener: "tcp/0.0.0.0:8443".
	Name string `json:"name"`
	Port uint32 `json:"port"`
	// Object is the Listener it was made from; nil when only TCPMappings asked for the port.
	Object *Object `json:"object,omitempty"`
}

// Action is what Envoy does with a request.
type Action string

const (
	// Forward sends the request, or the bytes of the connection, to a service.
	Forward Action = "forward"
	// Redirect answers with a redirect.
	Redirect Action = "redirect"
	// Respond answers with a status and nothing else.
	Respond Action = "respond"
	// Close closes the connection, or refuses it.
	Close Action = "close"
)

// Outcome is one thing that may become of a request.
type Outcome struct {
	// Share of all requests like this one, in percent.
	Share  float64 `json:"share"`
	Action Action  `json:"action"`
	// Why says why a request is not served; empty when it is.
	Why string `json:"why,omitempty"`

	// Mapping, or TCPMapping, whose route this is.
	Mapping *Object `json:"mapping,omitempty"`
	// Route is what a request must be like to take it: "prefix /cart/, header x-version is 2".
	Route string `json:"route,omitempty"`

	// Services a request is sent to; several only for connections that TCPMappings share.
	Services []Service `json:"services,omitempty"`
	// Path, with query, and Host as the service gets them.
	Path string `json:"path,omitempty"`
	Host string `json:"host,omitempty"`
	// Shadows get a copy.
	Shadows []Service `json:"shadows,omitempty"`

	// Status of the answer that Envoy gives itself.
	Status int `json:"status,omitempty"`
	// Location of a redirect.
	Location string `json:"location,omitempty"`

	// insecure marks the redirect to HTTPS, which is the Host's and not the Mapping's.
	insecure bool
}

// Service is where requests are sent.
type Service struct {
	// Name is host:port.
	Name string `json:"name"`
	// Cluster is Envoy's name for it.
	Cluster string `json:"cluster"`
	// Share of the requests or connections of the outcome, in percent.
	Share float64 `json:"share"`
	// Mapping the share belongs to, where it is another than the outcome's.
	Mapping *Object `json:"mapping,omitempty"`
}

// Near is a Mapping that does not serve the request, and why not.
type Near struct {
	Mapping Object `json:"mapping"`
	Why     string `json:"why"`
}

// serves reports whether the outcome is what a Mapping says.
func (o *Outcome) serves() bool {
	return o.Action == Forward || o.Action == Redirect && !o.insecure
}

func (x *Explanation) closed(format string, args ...any) {
	x.Outcomes = []Outcome{{Share: 100, Action: Close, Why: fmt.Sprintf(format, args...)}}
}

func (x *Explanation) answered(status int, format string, args ...any) {
	x.Outcomes = []Outcome{{Share: 100, Action: Respond, Status: status, Why: fmt.Sprintf(format, args...)}}
}
