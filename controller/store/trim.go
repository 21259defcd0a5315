package store

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// secretKeys are the entries of a Secret a configuration can use: kubernetes.io/tls pairs, a user key, CA bundles and
// revocation lists, and the names Istio writes.
var secretKeys = map[string]bool{
	"tls.crt": true, "tls.key": true, "user.key": true, "ca.crt": true, "crl.pem": true,
	"cert-chain.pem": true, "key.pem": true, "root-cert.pem": true, "cert_required": true,
}

// Trim drops from obj, in place, what nobody reads, so that caches stay small: managedFields, the last-applied
// annotation, Service status, and the entries of Secrets that can hold no certificate. Call it before the object is
// shared, for example as an informer's transform.
func Trim(obj metav1.Object) {
	obj.SetManagedFields(nil)
	if annotations := obj.GetAnnotations(); annotations[corev1.LastAppliedConfigAnnotation] != "" {
		delete(annotations, corev1.LastAppliedConfigAnnotation)
		obj.SetAnnotations(annotations)
	}
	switch o := obj.(type) {
	case *corev1.Service:
		o.Status = corev1.ServiceStatus{}
	case *corev1.Secret:
		trimSecret(o)
	}
}

func trimSecret(secret *corev1.Secret) {
	for name, value := range secret.StringData {
		if secret.Data == nil {
			secret.Data = map[string][]byte{}
		}
		secret.Data[name] = []byte(value)
	}
	secret.StringData = nil
	for name := range secret.Data {
		if !secretKeys[name] {
			delete(secret.Data, name)
		}
	}
}
