package compile

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// host is one Host that takes part in routing, or the default Host that stands in where there is none.
type host struct {
	ref store.Ref
	// report is nil for the default Host.
	report    *Report
	namespace string
	labels    map[string]string
	// hostname is a glob in lower case; it may carry a port.
	hostname string
	selector *labelSelector
	insecure v3alpha1.InsecureAction
	// tls terminates TLS; nil when the Host does not.
	tls *termination
	// closed is set when the Host asks for TLS that it cannot have. Its routes are then not served anywhere: not in
	// cleartext, and not by a Host with a wider hostname either.
	closed bool

	// place is the position among all Hosts.
	place int
	// groups are those the Host serves, in route order, and tables the route tables that have them.
	groups []*group
	tables []*table
	served bool
}

// termination is how a Host terminates TLS.
type termination struct {
	// context is the TLSContext the settings come from, if any.
	context                store.Ref
	settings               tlsSettings
	certificate, authority string
}

// same reports whether two Hosts terminate TLS alike, so that they can share a server name.
func (t *termination) same(other *termination) bool {
	return t.certificate == other.certificate && t.authority == other.authority && reflect.DeepEqual(t.settings, other.settings)
}

// fallbackSecret is the certificate of the default Host, if somebody made it.
const fallbackSecret = "fallback-self-signed-cert"

// hostsByHostname reads the Hosts of this install, ordered by hostname and then in load order. Where there is no Host
// object at all, a default one serves every hostname.
func (c *Compiler) hostsByHostname() []*host {
	var hosts []*host
	found := false
	for _, object := range c.store.Hosts() {
		if !c.member(object) {
			continue
		}
		found = true
		if h := c.newHost(object); h != nil {
			hosts = append(hosts, h)
		}
	}
	if !found {
		hosts = append(hosts, c.defaultHost())
	}
	slices.SortStableFunc(hosts, func(a, b *host) int { return cmp.Compare(a.hostname, b.hostname) })
	return hosts
}

// newHost checks a Host. Only one whose hostname makes no sense is left out altogether; any other mistake closes it, so
// that its hostname is not served by something else.
func (c *Compiler) newHost(object *v3alpha1.Host) *host {
	spec := &object.Spec
	ref, report := c.ledger.open(object)
	h := &host{
		ref:       ref,
		report:    report,
		namespace: object.Namespace,
		labels:    object.Labels,
		hostname:  lowerHostname(cmp.Or(spec.Hostname, "*")),
		insecure:  v3alpha1.InsecureActionRedirect,
	}
	if err := checkHostDomain(h.hostname); err != nil {
		h.report.refuse(ReasonInvalid, "%v", err)
		return nil
	}
	if spec.RequestPolicy != nil && spec.RequestPolicy.Insecure.Action != "" {
		h.insecure = spec.RequestPolicy.Insecure.Action
		if err := checkOneOf("requestPolicy.insecure.action", string(h.insecure), "Redirect", "Route", "Reject"); err != nil {
			h.report.refuse(ReasonInvalid, "%v", err)
			h.insecure, h.closed = v3alpha1.InsecureActionReject, true
		}
	}
	var err error
	if h.selector, err = newLabelSelector(cmp.Or(spec.MappingSelector, spec.Selector)); err != nil {
		h.report.refuse(ReasonInvalid, "%v", err)
		h.closed = true
	}
	if spec.PreviewURL != nil && spec.PreviewURL.Enabled {
		h.report.warn(ReasonIgnored, "previewUrl has no effect")
	}
	if !c.terminateTLS(h, spec) {
		h.closed = true
	}
	return h
}

// checkHostDomain reports whether Envoy can use a hostname as the domain of a virtual host.
func checkHostDomain(hostname string) error {
	if err := checkHostGlob("hostname", hostname); err != nil {
		return err
	}
	if hostWithoutPort(hostname) == "" {
		return fmt.Errorf("hostname: %q has no name before the port", hostname)
	}
	switch strings.Count(hostname, "*") {
	case 0:
		return nil
	case 1:
		if isGlob(hostname) {
			return nil
		}
	}
	return fmt.Errorf("hostname: %q has a star where none can stand: write one * alone, at the start or at the end", hostname)
}

// terminateTLS finds the certificate and the settings a Host terminates TLS with. It returns false when the Host asks
// for TLS and cannot have it.
func (c *Compiler) terminateTLS(h *host, spec *v3alpha1.HostSpec) bool {
	if spec.TLSContext != nil && spec.TLSContext.Name != "" && spec.TLS != nil {
		h.report.refuse(ReasonInvalid, "tls and tlsContext exclude each other: keep one")
		return false
	}
	if spec.TLSSecret == nil || spec.TLSSecret.Name == "" {
		if spec.TLS != nil || spec.TLSContext != nil && spec.TLSContext.Name != "" {
			h.report.warn(ReasonIgnored, "tls and tlsContext have no effect without tlsSecret: this Host does not terminate TLS")
		}
		return true
	}
	secret := secretName{namespace: cmp.Or(spec.TLSSecret.Namespace, h.namespace), name: spec.TLSSecret.Name}
	context, settings, ok := c.hostTLSSettings(h, spec, secret)
	if !ok {
		return false
	}
	settings.minVersion = cmp.Or(settings.minVersion, c.options.MinTLSVersion)
	settings.certChainFile, settings.privateKeyFile = "", ""
	certificate, authority, problem := c.tlsSecrets(h.report, settings, secret)
	if problem != nil {
		h.report.unserved(problem.reason, "%s: HTTPS is not served for %s, and cleartext does not take its place", problem.message, h.hostname)
		return false
	}
	h.tls = &termination{context: context, settings: c.certRequiredBySecret(settings), certificate: certificate, authority: authority}
	return true
}

// hostTLSSettings picks the settings beside the certificate: inline ones, those of the TLSContext the Host names, or of
// one called "<host>-context".
func (c *Compiler) hostTLSSettings(h *host, spec *v3alpha1.HostSpec, secret secretName) (context store.Ref, settings tlsSettings, ok bool) {
	if spec.TLS != nil {
		// A Secret in another namespace asks for namespaces in names, whatever the Module says.
		settings = inlineSettings(spec.TLS, h.namespace, spec.TLSSecret.Namespace != "" || c.module.namesSecretsAnywhere())
		if err := settings.check(); err != nil {
			h.report.refuse(ReasonInvalid, "tls: %v", err)
			return context, settings, false
		}
		return context, settings, true
	}
	named := spec.TLSContext != nil && spec.TLSContext.Name != ""
	name := h.ref.Name + "-context"
	if named {
		name = spec.TLSContext.Name
	}
	found := c.tlsContextNamed(name, h.namespace)
	switch {
	case found == nil && named:
		h.report.missing(ReasonTLSContextNotFound, "TLSContext %s not found", name)
		return context, settings, false
	case found == nil:
		return context, settings, true
	case found.broken != nil:
		h.report.missing(found.broken.reason, "%s", found.broken.message)
		return context, settings, false
	case !found.agreesOn(secret, h.namespace):
		h.report.refuse(ReasonConflict, "tlsSecret is %s, but TLSContext %s names Secret %s: name the same one, or leave the TLSContext's out",
			secret, name, found.settings.secret)
		return context, settings, false
	}
	if len(found.hosts) > 0 && !slices.Contains(found.hosts, h.hostname) && !slices.Contains(found.hosts, h.ref.Name) {
		h.report.warn(ReasonConflict, "TLSContext %s is for %s, which does not list %s", name, strings.Join(found.hosts, ", "), h.hostname)
	}
	return found.ref, found.settings, true
}

// agreesOn reports whether the certificate a context names, if it names one, is the Host's. Emissary compared the
// spelling and refused "name.namespace" (emissary #4637); what counts is which Secret is meant.
func (t *tlsContext) agreesOn(secret secretName, hostNamespace string) bool {
	named := t.settings.secret
	return named.name == "" || named == secret ||
		named.namespace == t.ref.Namespace && secretName{hostNamespace, named.name} == secret
}

func inlineSettings(tls *v3alpha1.HostTLS, namespace string, namespacing bool) tlsSettings {
	secret := func(name string) secretName {
		if name == "" {
			return secretName{}
		}
		return parseSecretName(name, namespace, namespacing)
	}
	return tlsSettings{
		certChainFile: tls.CertChainFile, privateKeyFile: tls.PrivateKeyFile,
		ca: secret(tls.CASecret), crl: secret(tls.CRLSecret), caFile: tls.CACertChainFile,
		certRequired: isTrue(tls.CertRequired), alpn: splitList(tls.ALPNProtocols),
		minVersion: tls.MinTLSVersion, maxVersion: tls.MaxTLSVersion,
		ciphers: tls.CipherSuites, curves: tls.ECDHCurves, sni: tls.SNI,
	}
}

// certRequiredBySecret lets a key cert_required in the CA Secret decide, as Emissary does.
func (c *Compiler) certRequiredBySecret(settings tlsSettings) tlsSettings {
	if settings.ca.name == "" {
		return settings
	}
	if secret := c.secrets.decisive(c.store, settings.ca); secret != nil {
		if value, set := secret.Data["cert_required"]; set {
			settings.certRequired = strings.EqualFold(strings.TrimSpace(string(value)), "true")
		}
	}
	return settings
}

// defaultHost serves every hostname of an install without Host objects: over TLS when the fallback certificate exists,
// in cleartext otherwise.
func (c *Compiler) defaultHost() *host {
	h := &host{
		ref:       store.Ref{Kind: "Host", Namespace: c.options.Namespace, Name: "default-host"},
		namespace: c.options.Namespace,
		hostname:  "*",
		insecure:  v3alpha1.InsecureActionRoute,
	}
	if c.secrets.decisive(c.store, secretName{c.options.Namespace, fallbackSecret}) == nil {
		return h
	}
	h.insecure = v3alpha1.InsecureActionRedirect
	spec := &v3alpha1.HostSpec{TLSSecret: &v3alpha1.SecretReference{Name: fallbackSecret}}
	h.closed = !c.terminateTLS(h, spec)
	return h
}
