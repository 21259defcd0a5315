package ingress

import (
	"encoding/json"
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	networkingv1beta1 "k8s.io/api/networking/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Decode reads an Ingress of any version there was, as networking.k8s.io/v1. It is strict: the error names fields that
// the version does not have. The object handed in is left as it is.
//
// extensions/v1beta1 and networking.k8s.io/v1beta1, which Kubernetes served until 1.22, have the same fields.
func Decode(object map[string]any) (*networkingv1.Ingress, error) {
	apiVersion, kind := object["apiVersion"], object["kind"]
	if kind != "Ingress" {
		return nil, fmt.Errorf("kind is %q: Ingress is wanted", text(kind))
	}
	switch apiVersion {
	case "networking.k8s.io/v1":
		ingress := &networkingv1.Ingress{}
		return ingress, decodeStrictly(object, ingress)
	case "networking.k8s.io/v1beta1", "extensions/v1beta1":
		older := &networkingv1beta1.Ingress{}
		if err := decodeStrictly(object, older); err != nil {
			return nil, err
		}
		return fromV1beta1(older), nil
	default:
		return nil, fmt.Errorf("apiVersion is %q: networking.k8s.io/v1, networking.k8s.io/v1beta1 and extensions/v1beta1 are Ingresses", text(apiVersion))
	}
}

func decodeStrictly(object map[string]any, into any) error {
	err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object, into, true)
	if err == nil || runtime.IsStrictDecodingError(err) {
		return err
	}
	// The converter says what is wrong but not where; decoding the same object from JSON does.
	if raw, marshalErr := json.Marshal(object); marshalErr == nil {
		if jsonErr := json.Unmarshal(raw, into); jsonErr != nil {
			return jsonErr
		}
	}
	return err
}

// text is a value that should be a text; nothing at all is the empty one.
func text(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// fromV1beta1 is what the API server made of the older versions: backends are spelt differently, and a path without a
// pathType is ImplementationSpecific.
func fromV1beta1(older *networkingv1beta1.Ingress) *networkingv1.Ingress {
	ingress := &networkingv1.Ingress{ObjectMeta: older.ObjectMeta}
	ingress.Spec.IngressClassName = older.Spec.IngressClassName
	if older.Spec.Backend != nil {
		backend := backendFromV1beta1(*older.Spec.Backend)
		ingress.Spec.DefaultBackend = &backend
	}
	for _, tls := range older.Spec.TLS {
		ingress.Spec.TLS = append(ingress.Spec.TLS, networkingv1.IngressTLS(tls))
	}
	for _, rule := range older.Spec.Rules {
		converted := networkingv1.IngressRule{Host: rule.Host}
		if rule.HTTP != nil {
			converted.HTTP = &networkingv1.HTTPIngressRuleValue{}
			for _, path := range rule.HTTP.Paths {
				converted.HTTP.Paths = append(converted.HTTP.Paths, pathFromV1beta1(path))
			}
		}
		ingress.Spec.Rules = append(ingress.Spec.Rules, converted)
	}
	return ingress
}

func pathFromV1beta1(path networkingv1beta1.HTTPIngressPath) networkingv1.HTTPIngressPath {
	pathType := networkingv1.PathTypeImplementationSpecific
	if path.PathType != nil {
		pathType = networkingv1.PathType(*path.PathType)
	}
	return networkingv1.HTTPIngressPath{Path: path.Path, PathType: &pathType, Backend: backendFromV1beta1(path.Backend)}
}

func backendFromV1beta1(backend networkingv1beta1.IngressBackend) networkingv1.IngressBackend {
	converted := networkingv1.IngressBackend{Resource: backend.Resource}
	if backend.ServiceName == "" {
		return converted
	}
	converted.Service = &networkingv1.IngressServiceBackend{Name: backend.ServiceName}
	if backend.ServicePort.Type == intstr.String {
		converted.Service.Port.Name = backend.ServicePort.StrVal
	} else {
		converted.Service.Port.Number = backend.ServicePort.IntVal
	}
	return converted
}
