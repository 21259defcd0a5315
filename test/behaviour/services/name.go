package services

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// reference is an upstream named somewhere in the manifests or in an expectation.
type reference struct {
	host      string
	port      int    // 0: the reference leaves it to the scheme
	namespace string // of the object that names it
}

// key identifies a Service.
type key struct{ namespace, name string }

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// parseReference reads Emissary's service syntax, [scheme://]host[:port]. It reports false for what can
// name no upstream; such strings are often the point of a case.
func parseReference(s, namespace string) (reference, bool) {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	s, _, _ = strings.Cut(s, "/")
	ref := reference{host: strings.ToLower(s), namespace: namespace}
	if host, port, err := net.SplitHostPort(s); err == nil {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return reference{}, false
		}
		ref.host, ref.port = strings.ToLower(host), n
	}
	if _, isIP := ref.address(); isIP || hostName.MatchString(ref.host) {
		return ref, true
	}
	return reference{}, false
}

// address is the literal address of a reference, if it is one. Names for the loopback address count.
func (r reference) address() (netip.Addr, bool) {
	if r.host == "localhost" {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), true
	}
	a, err := netip.ParseAddr(strings.Trim(r.host, "[]"))
	return a, err == nil
}

// services are the Services a name may mean. An unqualified name means one in the object's namespace or
// in the controller's own, by kind and by configuration; both exist, and the answer tells which was used.
func (r reference) services(controller string) []key {
	if _, literal := r.address(); literal {
		return nil
	}
	labels := strings.Split(trimClusterDomain(r.host), ".")
	switch len(labels) {
	case 1:
		keys := []key{{r.namespace, labels[0]}}
		if controller != r.namespace {
			keys = append(keys, key{controller, labels[0]})
		}
		return keys
	case 2:
		return []key{{labels[1], labels[0]}}
	default:
		return nil
	}
}

func trimClusterDomain(host string) string {
	for _, suffix := range []string{".svc.cluster.local", ".svc"} {
		if name, ok := strings.CutSuffix(host, suffix); ok {
			return name
		}
	}
	return host
}

// identity is a backend's name, "service.namespace:port".
func (k key) identity(port int) string {
	return k.name + "." + k.namespace + ":" + strconv.Itoa(port)
}

// Canonical gives a backend's name as an expectation writes it in the form that backends answer with: the
// cluster's domain is left out, a host without a dot gets the controller's namespace, and a missing port
// is 80.
func Canonical(name, controllerNamespace string) string {
	ref, ok := parseReference(name, controllerNamespace)
	if !ok {
		return name
	}
	port := ref.port
	if port == 0 {
		port = 80
	}
	if a, isIP := ref.address(); isIP && ref.host != "localhost" {
		return netip.AddrPortFrom(a, uint16(port)).String()
	}
	if ref.host == "localhost" {
		return "localhost:" + strconv.Itoa(port)
	}
	if keys := ref.services(controllerNamespace); keys != nil {
		return keys[0].identity(port)
	}
	return ref.host + ":" + strconv.Itoa(port)
}
