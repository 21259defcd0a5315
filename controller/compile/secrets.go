package compile

import (
	"fmt"
	"slices"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	corev1 "k8s.io/api/core/v1"

	"terraform-provider-emissary/controller/store"
)

// secrets are the SDS resources in use, how they are made, and which Secrets they are made from.
type secrets struct {
	made   map[string]*tlsv3.Secret
	faults map[string]*fault
	builds map[string]func() (*tlsv3.Secret, *fault)
	// readBy lists the resources that a Secret was read for, and building is the one being made.
	readBy   map[secretName][]string
	building string
	// decided is what was read of Secrets that decide about more than their own resource.
	decided map[secretName]string

	// pairs remembers what was found out about certificates: parsing one takes as long as compiling a Mapping. before
	// are those of the compilation before.
	pairs, before map[*corev1.Secret]keyPair
}

func newSecrets() *secrets {
	return &secrets{
		made:    map[string]*tlsv3.Secret{},
		faults:  map[string]*fault{},
		builds:  map[string]func() (*tlsv3.Secret, *fault){},
		readBy:  map[secretName][]string{},
		decided: map[secretName]string{},
		pairs:   map[*corev1.Secret]keyPair{},
	}
}

// next returns the secrets of the next complete compilation, which knows of the certificates of this one.
func (s *secrets) next() *secrets {
	next := newSecrets()
	next.before = s.pairs
	return next
}

// read finds a Secret and notes that the resource being made depends on it.
func (s *secrets) read(from *store.Store, name secretName) *corev1.Secret {
	if !slices.Contains(s.readBy[name], s.building) {
		s.readBy[name] = append(s.readBy[name], s.building)
	}
	return from.Secret(name.namespace, name.name)
}

// decisive finds a Secret whose existence, or whose keys beside a certificate, decide how a Host is served.
func (s *secrets) decisive(from *store.Store, name secretName) *corev1.Secret {
	secret := from.Secret(name.namespace, name.name)
	s.decided[name] = decision(secret)
	return secret
}

func decision(secret *corev1.Secret) string {
	if secret == nil {
		return "none"
	}
	value, set := secret.Data["cert_required"]
	return fmt.Sprintf("%t %s %t", set, value, len(secret.Data[rootCertificate]) > 0)
}

// pair checks a certificate once.
func (s *secrets) pair(secret *corev1.Secret, check func() keyPair) keyPair {
	found, known := s.pairs[secret]
	if !known {
		if found, known = s.before[secret]; !known {
			found = check()
		}
		s.pairs[secret] = found
	}
	return found
}

// secretChanged brings what was made from a Secret up to date. It returns false when the Secret became usable or
// unusable, or decides something else now: then everything is to be compiled again.
func (c *Compiler) secretChanged(ref store.Ref) bool {
	s, name := c.secrets, secretName{ref.Namespace, ref.Name}
	secret := c.store.Secret(name.namespace, name.name)
	if decided, asked := s.decided[name]; asked && decided != decision(secret) {
		return false
	}
	for _, resource := range s.readBy[name] {
		s.building = resource
		made, fault := s.builds[resource]()
		switch before := s.faults[resource]; {
		case (before == nil) != (fault == nil), fault != nil && *fault != *before:
			return false
		case fault == nil:
			s.made[resource] = made
			c.delta.change(ResourceID{SecretType, resource}, made)
		}
	}
	return true
}
