package compile

import (
	"cmp"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

// upstreamTLS says how connections to a service are secured.
type upstreamTLS struct {
	on bool
	// context is the TLSContext; without one, TLS is spoken with Envoy's defaults and the server is not verified, as in
	// Emissary.
	context *tlsContext
	// broken is set when TLS was asked for and cannot be had. Nothing may be sent then, least of all in cleartext.
	broken bool
}

// upstreamTLS works out how an object's connections to a service are secured: by the scheme https, by the name of a
// TLSContext, or not at all. A context that is missing or broken is reported on the object and never ignored.
func (c *Compiler) upstreamTLS(report *Report, namespace string, service serviceName, contextName string) upstreamTLS {
	if contextName == "" {
		return upstreamTLS{on: service.tls}
	}
	context := c.tlsContextNamed(contextName, namespace)
	if context == nil {
		report.missing(ReasonTLSContextNotFound, "TLSContext %s not found: requests are answered with 503 until it exists", contextName)
		return upstreamTLS{on: true, broken: true}
	}
	if fault := cmp.Or(context.broken, context.unresolved); fault != nil {
		report.missing(fault.reason, "TLSContext %s cannot be used: %s; requests are answered with 503", contextName, fault.message)
		return upstreamTLS{on: true, broken: true}
	}
	return upstreamTLS{on: true, context: context}
}

// tlsSecrets makes the SDS resources of TLS settings and returns their names, empty for what is not set. What is
// missing is noted on the object the settings come from as well.
func (c *Compiler) tlsSecrets(report *Report, settings tlsSettings, secret secretName) (certificate, authority string, problem *fault) {
	switch {
	case secret.name != "":
		certificate, problem = c.certificate(secret)
	case settings.certChainFile != "":
		certificate, problem = c.certificateFiles(settings.certChainFile, settings.privateKeyFile)
	}
	switch {
	case problem != nil:
	case settings.ca.name == "" && c.hasAuthority(secret):
		authority, problem = c.ownAuthority(secret)
	case settings.ca.name != "" || settings.caFile != "":
		authority, problem = c.authority(settings.ca, settings.caFile, settings.crl)
	}
	if problem != nil {
		report.unresolved(problem.reason, "%s", problem.message)
		return "", "", problem
	}
	for _, name := range []string{certificate, authority} {
		if name != "" {
			report.uses(ResourceID{SecretType, name})
		}
	}
	return certificate, authority, nil
}

// socketContext builds the TLS context of connections to a service. The server name is the context's, or else the
// host the Mapping rewrites to.
func (u upstreamTLS) socketContext(hostRewrite string) *tlsv3.UpstreamTlsContext {
	if u.context == nil {
		return &tlsv3.UpstreamTlsContext{CommonTlsContext: tlsSettings{}.common("", "")}
	}
	settings := u.context.settings
	return &tlsv3.UpstreamTlsContext{
		CommonTlsContext: settings.common(u.context.certificate, u.context.authority),
		Sni:              cmp.Or(settings.sni, hostRewrite),
	}
}
