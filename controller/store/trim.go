package store

import (
	"unique"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"terraform-provider-emissary/crds/v3alpha1"
)

// secretKeys are the entries of a Secret a configuration can use: kubernetes.io/tls pairs, a user key, CA bundles and
// revocation lists, and the names Istio writes.
var secretKeys = map[string]bool{
	"tls.crt": true, "tls.key": true, "user.key": true, "ca.crt": true, "crl.pem": true,
	"cert-chain.pem": true, "key.pem": true, "root-cert.pem": true, "cert_required": true,
}

// Trim drops from obj, in place, what nobody reads, so that what is kept of a cluster stays small: managedFields, the
// last-applied annotation, all of a Service but where it leads and what it carries, and the entries of Secrets that can
// hold no certificate. Strings that most objects have in common are kept once. Call it before the object is shared.
func Trim(obj metav1.Object) {
	obj.SetManagedFields(nil)
	obj.SetNamespace(once(obj.GetNamespace()))
	if annotations := obj.GetAnnotations(); annotations[corev1.LastAppliedConfigAnnotation] != "" {
		delete(annotations, corev1.LastAppliedConfigAnnotation)
		obj.SetAnnotations(annotations)
	}
	switch o := obj.(type) {
	case *corev1.Service:
		trimService(o)
	case *corev1.Secret:
		trimSecret(o)
	case *discoveryv1.EndpointSlice:
		trimSlice(o)
	case v3alpha1.Object:
		o.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{}) // its type says it
		trimConditions(*o.GetConditions())
		for _, instance := range *o.GetInstances() {
			trimConditions(instance.Conditions)
		}
	}
}

func trimConditions(conditions []metav1.Condition) {
	for i := range conditions {
		condition := &conditions[i]
		condition.Type, condition.Reason, condition.Message = once(condition.Type), once(condition.Reason), once(condition.Message)
		condition.Status = metav1.ConditionStatus(once(string(condition.Status)))
	}
}

// once returns one string in place of many equal ones.
func once(text string) string { return unique.Make(text).Value() }

// trimService keeps what decides where requests go, and the annotations, which may hold configuration.
func trimService(service *corev1.Service) {
	*service = corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: service.Namespace, Name: service.Name,
			Generation: service.Generation, ResourceVersion: service.ResourceVersion,
			DeletionTimestamp: service.DeletionTimestamp, Annotations: service.Annotations,
		},
		Spec: corev1.ServiceSpec{
			Type: service.Spec.Type, ClusterIP: service.Spec.ClusterIP, ExternalName: service.Spec.ExternalName,
			Ports: service.Spec.Ports,
		},
	}
	for i := range service.Spec.Ports {
		port := &service.Spec.Ports[i]
		*port = corev1.ServicePort{Name: once(port.Name), Port: port.Port, TargetPort: port.TargetPort}
		port.TargetPort.StrVal = once(port.TargetPort.StrVal)
	}
}

// trimSlice keeps where the endpoints are and whether they take requests. With many pods this is most of the memory, so
// that endpoints share what is the same in nearly all of them.
func trimSlice(slice *discoveryv1.EndpointSlice) {
	*slice = discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: slice.Namespace, Name: slice.Name, DeletionTimestamp: slice.DeletionTimestamp,
			Labels: map[string]string{discoveryv1.LabelServiceName: slice.Labels[discoveryv1.LabelServiceName]},
		},
		AddressType: discoveryv1.AddressType(once(string(slice.AddressType))), Endpoints: slice.Endpoints, Ports: slice.Ports,
	}
	for i := range slice.Endpoints {
		endpoint := &slice.Endpoints[i]
		*endpoint = discoveryv1.Endpoint{
			Addresses: endpoint.Addresses,
			Conditions: discoveryv1.EndpointConditions{
				Ready: shared(endpoint.Conditions.Ready), Serving: shared(endpoint.Conditions.Serving),
			},
		}
	}
	for i := range slice.Ports {
		port := &slice.Ports[i]
		*port = discoveryv1.EndpointPort{Name: port.Name, Port: port.Port}
		if port.Name != nil {
			*port.Name = once(*port.Name)
		}
	}
}

var yes, no = true, false

// shared returns one of two pointers in place of one of many.
func shared(value *bool) *bool {
	switch {
	case value == nil:
		return nil
	case *value:
		return &yes
	}
	return &no
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
