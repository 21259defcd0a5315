package compile

import (
	"fmt"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// tlsSettings are what a TLSContext and a Host's inline tls have in common.
type tlsSettings struct {
	certChainFile, privateKeyFile string
	// secret is the certificate; ca and crl verify the peer. An empty name means none.
	secret, ca, crl secretName
	caFile          string
	certRequired    bool
	alpn            []string
	minVersion      string
	maxVersion      string
	ciphers, curves []string
	sni             string
}

// tlsContext is a TLSContext object.
type tlsContext struct {
	ref      store.Ref
	hosts    []string
	settings tlsSettings
	// broken says why the context cannot be used; whoever names it must not fall back to less.
	broken *fault
	// certificate and authority are the SDS resources of its Secrets, and unresolved says why they cannot be had. A Host
	// has a certificate of its own and asks for neither.
	certificate, authority string
	unresolved             *fault
}

// tlsContextsByName reads the TLSContexts of this install. Names are looked up over all namespaces; of several with one
// name, the one beside the referring object counts, then the first.
func (c *Compiler) tlsContextsByName() map[string][]*tlsContext {
	contexts := map[string][]*tlsContext{}
	for _, object := range c.store.TLSContexts() {
		if !c.member(object) {
			continue
		}
		ref, report := c.ledger.open(object)
		context := &tlsContext{ref: ref, hosts: object.Spec.Hosts}
		context.settings = c.contextSettings(object)
		if err := context.settings.check(); err != nil {
			report.refuse(ReasonInvalid, "%v", err)
			context.broken = faultf(ReasonInvalid, "TLSContext %s is not valid: %v", object.Name, err)
		} else {
			context.certificate, context.authority, context.unresolved = c.tlsSecrets(report, context.settings, context.settings.secret)
		}
		contexts[object.Name] = append(contexts[object.Name], context)
	}
	return contexts
}

// tlsContextNamed finds a TLSContext for an object in a namespace; nil when there is none.
func (c *Compiler) tlsContextNamed(name, namespace string) *tlsContext {
	candidates := c.tlsContexts[name]
	for _, context := range candidates {
		if context.ref.Namespace == namespace {
			return context
		}
	}
	if len(candidates) > 0 {
		return candidates[0]
	}
	return nil
}

// contextSettings reads a TLSContext. Its Secrets may be named "name.namespace" unless secret_namespacing, or the
// Module's default for it, is off.
func (c *Compiler) contextSettings(object *v3alpha1.TLSContext) tlsSettings {
	spec := &object.Spec
	namespacing := valueOr(spec.SecretNamespacing, c.module.namesSecretsAnywhere())
	secret := func(text string) secretName {
		if text == "" {
			return secretName{}
		}
		return parseSecretName(text, object.Namespace, namespacing)
	}
	return tlsSettings{
		certChainFile: spec.CertChainFile, privateKeyFile: spec.PrivateKeyFile,
		secret: secret(spec.Secret), ca: secret(spec.CASecret), crl: secret(spec.CRLSecret), caFile: spec.CACertChainFile,
		certRequired: isTrue(spec.CertRequired), alpn: splitList(spec.ALPNProtocols),
		minVersion: spec.MinTLSVersion, maxVersion: spec.MaxTLSVersion,
		ciphers: spec.CipherSuites, curves: spec.ECDHCurves, sni: spec.SNI,
	}
}

// splitList splits a comma separated list and drops blanks.
func splitList(text string) []string {
	var items []string
	for _, item := range strings.Split(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// tlsVersions spells the protocol versions as TLSContexts do.
var tlsVersions = map[string]tlsv3.TlsParameters_TlsProtocol{
	"v1.0": tlsv3.TlsParameters_TLSv1_0,
	"v1.1": tlsv3.TlsParameters_TLSv1_1,
	"v1.2": tlsv3.TlsParameters_TLSv1_2,
	"v1.3": tlsv3.TlsParameters_TLSv1_3,
}

// check reports what is wrong with the settings themselves.
func (s tlsSettings) check() error {
	for _, version := range []struct{ field, value string }{{"min_tls_version", s.minVersion}, {"max_tls_version", s.maxVersion}} {
		if version.value != "" {
			if err := checkOneOf(version.field, version.value, "v1.0", "v1.1", "v1.2", "v1.3"); err != nil {
				return err
			}
		}
	}
	if s.minVersion != "" && s.maxVersion != "" && tlsVersions[s.minVersion] > tlsVersions[s.maxVersion] {
		return fmt.Errorf("min_tls_version %s is above max_tls_version %s", s.minVersion, s.maxVersion)
	}
	if (s.certChainFile == "") != (s.privateKeyFile == "") {
		return fmt.Errorf("cert_chain_file and private_key_file must be set together")
	}
	if s.crl.name != "" && s.ca.name == "" && s.caFile == "" {
		return fmt.Errorf("crl_secret needs ca_secret or cacert_chain_file: a revocation list is checked against its CA")
	}
	return firstError(
		checkCiphers(s.ciphers),
		checkCurves(s.curves),
		checkALPN(s.alpn),
		checkHeaderValue("alpn_protocols", strings.Join(s.alpn, ",")),
		checkHeaderValue("cert_chain_file", s.certChainFile),
		checkHeaderValue("private_key_file", s.privateKeyFile),
		checkHeaderValue("cacert_chain_file", s.caFile),
		checkServerName("sni", s.sni),
	)
}

// common builds the part of a TLS context that both directions share: parameters, ALPN and the SDS references.
func (s tlsSettings) common(certificate, authority string) *tlsv3.CommonTlsContext {
	common := &tlsv3.CommonTlsContext{AlpnProtocols: s.alpn, TlsParams: s.parameters()}
	if certificate != "" {
		common.TlsCertificateSdsSecretConfigs = []*tlsv3.SdsSecretConfig{overSDS(certificate)}
	}
	if authority != "" {
		common.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContextSdsSecretConfig{ValidationContextSdsSecretConfig: overSDS(authority)}
	}
	return common
}

func (s tlsSettings) parameters() *tlsv3.TlsParameters {
	parameters := &tlsv3.TlsParameters{
		TlsMinimumProtocolVersion: tlsVersions[s.minVersion],
		TlsMaximumProtocolVersion: tlsVersions[s.maxVersion],
		CipherSuites:              s.ciphers,
		EcdhCurves:                s.curves,
	}
	if proto.Size(parameters) == 0 {
		return nil
	}
	return parameters
}

func overSDS(name string) *tlsv3.SdsSecretConfig {
	return &tlsv3.SdsSecretConfig{Name: name, SdsConfig: overADS}
}

// downstream builds the transport socket that terminates TLS with a certificate and, when authority is set, checks the
// clients' certificates.
func (s tlsSettings) downstream(certificate, authority string) *tlsv3.DownstreamTlsContext {
	context := &tlsv3.DownstreamTlsContext{CommonTlsContext: s.common(certificate, authority)}
	if s.certRequired || authority != "" { // Envoy is going to change what it does when this is not said.
		context.RequireClientCertificate = wrapperspb.Bool(s.certRequired)
	}
	return context
}

// tlsSocket wraps a TLS context as a transport socket.
func tlsSocket(context proto.Message) *corev3.TransportSocket {
	return &corev3.TransportSocket{
		Name:       "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: packed(context)},
	}
}
