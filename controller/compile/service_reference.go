package compile

// ServiceReference is what the text of a service field says by itself, before the namespace and the TLS settings of the
// object it stands in have their say.
type ServiceReference struct {
	// Scheme is http or https; empty when none of them is written.
	Scheme string
	// Host is a Service name, a DNS name or an IP address (IPv6 without brackets).
	Host string
	// Port is from 1 to 65535: as written, else 443 with https and 80 without. ExplicitPort is set when it is written.
	Port         uint32
	ExplicitPort bool
	// Name and Namespace are of the Kubernetes Service that Host may mean. Name is empty for DNS names and addresses,
	// Namespace for a Service in the namespace of the object.
	Name, Namespace string
	// Ignored says what of the text has no effect; empty when all of it has.
	Ignored string
}

// ParseService reads a service reference, [http[s]://]name[.namespace][:port], the way the compiler does. The error
// quotes the text and says what is allowed.
func ParseService(text string) (ServiceReference, error) {
	parsed, err := parseService(text, false)
	if err != nil {
		return ServiceReference{}, err
	}
	reference := ServiceReference{Host: parsed.host, Port: parsed.port, ExplicitPort: parsed.explicitPort, Ignored: parsed.ignored}
	switch {
	case parsed.tls:
		reference.Scheme = "https"
	case parsed.cleartext:
		reference.Scheme = "http"
	}
	reference.Namespace, reference.Name, _ = parsed.kubernetesService("")
	return reference, nil
}
