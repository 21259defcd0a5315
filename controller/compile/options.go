package compile

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Options are the settings of one controller that a compilation depends on, as Emissary's environment variables name
// them. Call Defaults for the values Emissary uses when a variable is not set.
type Options struct {
	// AmbassadorID selects the objects of this install (AMBASSADOR_ID).
	AmbassadorID string
	// Namespace is the controller's own (AMBASSADOR_NAMESPACE); bare Service names are looked up in it.
	Namespace string
	// BindAddress is what Listeners bind to (AMBASSADOR_ENVOY_BIND_ADDRESS).
	BindAddress string
	// AdminPort is Envoy's admin port on loopback (ENVOY_ADMIN_PORT).
	AdminPort int
	// DiagPort serves the probes and the diagnostics page on loopback (AMBASSADOR_HEALTHCHECK_BIND_PORT).
	DiagPort int
	// LooseLabelSelectors makes one matching label enough, and a hostname or a label sufficient, as Emissary did before
	// 3.2 (DISABLE_STRICT_LABEL_SELECTORS).
	LooseLabelSelectors bool
	// MinTLSVersion applies to TLS termination where no TLSContext sets one: "v1.0" to "v1.3" (TLS_MIN_VERSION).
	// Empty leaves it to Envoy, which takes TLS 1.2.
	MinTLSVersion string
	// DrainTime is how long Envoy lets connections go on after their listener changed (AMBASSADOR_DRAIN_TIME).
	DrainTime time.Duration
	// RouteTableSize is how many routes a route table has in one piece, where a virtual host counts as four
	// (EMISSARY_ROUTE_TABLE_SIZE). Beyond that it is cut into parts. A smaller one makes changes cheaper for Envoy, a
	// larger one requests.
	RouteTableSize int
	// Disk is Envoy's, where the controller shares it: what objects say about files is checked there. Nil takes every
	// path, and leaves it to Envoy to refuse the resource that has it.
	Disk Disk `json:"-"`
	// Placeholder takes the place of Secrets that are not there, where nobody has them at hand. Nil leaves them missing.
	Placeholder *corev1.Secret `json:"-"`
}

// Disk is what Envoy finds under the paths that objects name.
type Disk interface {
	// ReadFile returns the content of a file that Envoy reads, such as a certificate.
	ReadFile(path string) ([]byte, error)
	// OpenLog reports why Envoy could not write an access log to a path. It makes the file, as Envoy does.
	OpenLog(path string) error
}

// Defaults returns the options of an install that sets nothing.
func Defaults() Options {
	return Options{
		AmbassadorID: "default",
		Namespace:    "default",
		BindAddress:  "0.0.0.0",
		AdminPort:    8001,
		DiagPort:     8877,
		// Envoy takes about 10 ms to build that many again. Cuts below would cost every request more than they save.
		RouteTableSize: 2048,
	}
}

// withDefaults fills what the caller left empty.
func (o Options) withDefaults() Options {
	defaults := Defaults()
	if o.AmbassadorID == "" {
		o.AmbassadorID = defaults.AmbassadorID
	}
	if o.Namespace == "" {
		o.Namespace = defaults.Namespace
	}
	if o.BindAddress == "" {
		o.BindAddress = defaults.BindAddress
	}
	if o.AdminPort == 0 {
		o.AdminPort = defaults.AdminPort
	}
	if o.DiagPort == 0 {
		o.DiagPort = defaults.DiagPort
	}
	if o.RouteTableSize == 0 {
		o.RouteTableSize = defaults.RouteTableSize
	}
	return o
}
