package probe

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"

	"terraform-provider-emissary/test/behaviour/spec"
)

func (c *Client) tlsConfig(r *spec.Request) (*tls.Config, error) {
	config := &tls.Config{
		// Whose certificate it is, is for the probe to say.
		InsecureSkipVerify: true,
		ServerName:         ServerName(r),
		NextProtos:         r.ALPN,
		MinVersion:         tls.VersionTLS10, // so that a refusal is the gateway's
	}
	var err error
	if r.TLSMin != "" {
		if config.MinVersion, err = tlsVersion(string(r.TLSMin)); err != nil {
			return nil, err
		}
	}
	if r.TLSMax != "" {
		if config.MaxVersion, err = tlsVersion(string(r.TLSMax)); err != nil {
			return nil, err
		}
	}
	if r.ClientCert {
		if c.Certificate == nil {
			return nil, fmt.Errorf("%w: client_cert is set and there is no certs.yaml beside the cases", errBadProbe)
		}
		// Presented whatever authorities the gateway asks for: refusing it is the gateway's part.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return c.Certificate, nil
		}
	}
	return config, nil
}

// ServerName is the SNI: the host without its port unless the probe says otherwise.
func ServerName(r *spec.Request) string {
	if r.SNI != nil {
		return *r.SNI
	}
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return r.Host
}

var tlsVersions = map[string]uint16{
	"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
}

func tlsVersion(name string) (uint16, error) {
	version, ok := tlsVersions[plainVersion(name)]
	if !ok {
		return 0, fmt.Errorf("%w: TLS version %q: want v1.0, v1.1, v1.2 or v1.3", errBadProbe, name)
	}
	return version, nil
}

// plainVersion strips what people put before a TLS version: "v1.2", "TLSv1.2", "TLS 1.2", "TLSv1_2".
func plainVersion(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "_", ".")
	name = strings.TrimLeft(name, "tlsv .")
	if name == "1" {
		return "1.0"
	}
	return name
}
