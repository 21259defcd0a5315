package compile

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// serviceName is a parsed service reference of a Mapping or another kind: [scheme://]host[:port].
type serviceName struct {
	// host is a Service name, a DNS name or an IP literal (IPv6 without brackets), in lower case.
	host string
	// port is as written, or 443 with TLS and 80 without.
	port         uint32
	explicitPort bool
	// tls is set by the https scheme.
	tls bool
	// cleartext is set by an explicit http scheme.
	cleartext bool
	// ignored says what of the text means nothing, for a warning.
	ignored string
}

// parseService reads a service reference. The schemes are http and https, in any case; another scheme and what follows
// the port (a path) mean nothing, as in Emissary.
func parseService(text string, originateTLS bool) (serviceName, error) {
	var name serviceName
	rest := text
	if scheme, after, found := strings.Cut(text, "://"); found {
		switch strings.ToLower(scheme) {
		case "https":
			name.tls = true
		case "http":
			name.cleartext = true
		default:
			name.ignored = fmt.Sprintf("service %q: the scheme %s has no effect: use http:// or https://", text, scheme)
		}
		rest = after
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		if rest[i:] != "/" {
			name.ignored = fmt.Sprintf("service %q: %s has no effect: use rewrite to change the path", text, rest[i:])
		}
		rest = rest[:i]
	}
	if strings.ContainsFunc(rest, notInHost) {
		return name, fmt.Errorf("service %q is not [http[s]://]name[.namespace][:port]", text)
	}
	host, port, err := splitHostPort(rest)
	if err != nil {
		return name, fmt.Errorf("service %q: %w", text, err)
	}
	if len(host) > maxServerName {
		return name, fmt.Errorf("service %.50q...: the host has %d characters, %d are allowed", text, len(host), maxServerName)
	}
	name.host = strings.ToLower(host)
	name.port, name.explicitPort = port, port != 0
	if port == 0 {
		name.port = 80
		if name.tls || originateTLS {
			name.port = 443
		}
	}
	return name, nil
}

// notInHost tells characters that no host name, address or port has.
func notInHost(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_.:[]", r)
}

// splitHostPort splits host[:port]; the port is 0 when it is not given.
func splitHostPort(text string) (host string, port uint32, err error) {
	host = text
	portText := ""
	if strings.Count(text, ":") > 1 && isAddress(text) {
		return text, 0, nil
	}
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		host = text[1 : len(text)-1]
	} else if strings.ContainsRune(text, ':') {
		if host, portText, err = net.SplitHostPort(text); err != nil {
			return "", 0, fmt.Errorf("%q is not host:port", text)
		}
	}
	if strings.ContainsAny(host, "[]:") && !isAddress(host) {
		return "", 0, fmt.Errorf("%q is neither a name nor an address", host)
	}
	if host == "" {
		return "", 0, fmt.Errorf("the host is empty: write name[.namespace][:port]")
	}
	if portText == "" {
		return host, 0, nil
	}
	number, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || number == 0 {
		return "", 0, fmt.Errorf("port %q is not a number from 1 to 65535", portText)
	}
	return host, uint32(number), nil
}

// qualified adds the namespace of the referring object to a bare Service name, unless that is the controller's own
// namespace, the name has a dot already, or it is localhost or an IP address.
func (n serviceName) qualified(namespace, ownNamespace string) serviceName {
	if namespace == ownNamespace || strings.ContainsAny(n.host, ".:") || n.host == "localhost" {
		return n
	}
	n.host += "." + namespace
	return n
}

// kubernetesService names the Service a host could mean: name, name.namespace, name.namespace.svc[.cluster.local]. A
// bare name is one of the controller's own namespace. ok is false for names that can only be DNS names or addresses.
func (n serviceName) kubernetesService(ownNamespace string) (namespace, name string, ok bool) {
	host := strings.TrimSuffix(n.host, ".")
	if isAddress(host) || host == "localhost" {
		return "", "", false
	}
	host = strings.TrimSuffix(host, ".cluster.local")
	if trimmed, found := strings.CutSuffix(host, ".svc"); found && strings.Count(trimmed, ".") == 1 {
		host = trimmed
	}
	name, namespace, qualified := strings.Cut(host, ".")
	switch {
	case !qualified:
		return ownNamespace, name, true
	case strings.Contains(namespace, "."):
		return "", "", false
	default:
		return namespace, name, true
	}
}

// hostPort renders the target as host:port.
func (n serviceName) hostPort() string {
	return net.JoinHostPort(n.host, strconv.FormatUint(uint64(n.port), 10))
}

// asWritten is the target without a port that was not written.
func (n serviceName) asWritten() string {
	if !n.explicitPort {
		return n.host
	}
	return n.hostPort()
}

// authority is the target as it stands in a URL, without a port that was not written.
func (n serviceName) authority() string {
	if !n.explicitPort && strings.Contains(n.host, ":") {
		return "[" + n.host + "]"
	}
	return n.asWritten()
}
