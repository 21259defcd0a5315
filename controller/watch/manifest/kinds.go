package manifest

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/crds/v3alpha1"
)

const ambassadorGroup = "getambassador.io"

// kind is how the documents of one kind become typed objects.
type kind struct {
	clusterScoped bool
	new           func() metav1.Object
	// validator checks and completes a custom resource; nil for Kubernetes' own kinds.
	validator func() (*validator, error)
	// complete sets the defaults an API server would set on one of Kubernetes' own kinds.
	complete func(metav1.Object)
}

// kinds returns every kind the controller reads. The getambassador.io ones come from the embedded definitions, which
// take a while to parse: not before they are needed, the same binary is a Terraform plugin.
var kinds = sync.OnceValue(buildKinds)

func buildKinds() map[schema.GroupVersionKind]kind {
	scheme := runtime.NewScheme()
	if err := v3alpha1.AddToScheme(scheme); err != nil {
		panic(fmt.Sprintf("registering the getambassador.io types: %v", err)) // a programming error, found by any test
	}
	table := map[schema.GroupVersionKind]kind{
		corev1.SchemeGroupVersion.WithKind("Service"): {
			new:      func() metav1.Object { return &corev1.Service{} },
			complete: completeService,
		},
		corev1.SchemeGroupVersion.WithKind("Secret"): {
			new:      func() metav1.Object { return &corev1.Secret{} },
			complete: completeSecret,
		},
		discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"): {
			new: func() metav1.Object { return &discoveryv1.EndpointSlice{} },
		},
		corev1.SchemeGroupVersion.WithKind("Endpoints"): {
			new: func() metav1.Object { return &corev1.Endpoints{} },
		},
		networkingv1.SchemeGroupVersion.WithKind("Ingress"): {
			new: func() metav1.Object { return &networkingv1.Ingress{} },
		},
		networkingv1.SchemeGroupVersion.WithKind("IngressClass"): {
			clusterScoped: true,
			new:           func() metav1.Object { return &networkingv1.IngressClass{} },
		},
	}
	for _, k := range crds.Kinds() {
		gvk := v3alpha1.GroupVersion.WithKind(k.Kind)
		table[gvk] = kind{
			new: func() metav1.Object {
				object, err := scheme.New(gvk)
				if err != nil {
					panic(fmt.Sprintf("%s is defined but has no Go type: %v", gvk.Kind, err))
				}
				typed, ok := object.(v3alpha1.Object)
				if !ok {
					panic(fmt.Sprintf("%s is no object of the API: %T", gvk.Kind, object))
				}
				return typed
			},
			validator: lazyValidator(k.Kind),
		}
	}
	return table
}

func ambassadorKinds() []string {
	var names []string
	for gvk := range kinds() {
		if gvk.Group == ambassadorGroup {
			names = append(names, gvk.Kind)
		}
	}
	slices.Sort(names)
	return names
}

// decode validates the object and gives it its Go type.
func (k kind) decode(u *unstructured.Unstructured) (object metav1.Object, unknown []string, err error) {
	if k.validator != nil {
		v, err := k.validator()
		if err != nil {
			return nil, nil, err
		}
		if unknown, err = v.admit(u); err != nil {
			return nil, unknown, err
		}
	}
	object = k.new()
	if err := Convert(u, object); err != nil {
		return nil, unknown, err
	}
	if k.complete != nil {
		k.complete(object)
	}
	return object, unknown, nil
}

// Convert fills a typed object from an untyped one. The error names the field that does not fit.
func Convert(u *unstructured.Unstructured, into any) error {
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, into)
	if err == nil {
		return nil
	}
	// The converter says what is wrong but not where; decoding the same object from JSON does.
	if raw, marshalErr := json.Marshal(u.Object); marshalErr == nil {
		if jsonErr := json.Unmarshal(raw, into); jsonErr != nil {
			err = jsonErr
		}
	}
	return fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
}

// completeService sets what the API server sets: the protocol and target of each port.
func completeService(object metav1.Object) {
	service, ok := object.(*corev1.Service)
	if !ok {
		return
	}
	if service.Spec.Type == "" {
		service.Spec.Type = corev1.ServiceTypeClusterIP
	}
	for i := range service.Spec.Ports {
		port := &service.Spec.Ports[i]
		if port.Protocol == "" {
			port.Protocol = corev1.ProtocolTCP
		}
		if port.TargetPort.IntVal == 0 && port.TargetPort.StrVal == "" {
			port.TargetPort.IntVal = port.Port
		}
	}
}

// completeSecret merges stringData into data, where it wins, and sets the default type.
func completeSecret(object metav1.Object) {
	secret, ok := object.(*corev1.Secret)
	if !ok {
		return
	}
	if secret.Type == "" {
		secret.Type = corev1.SecretTypeOpaque
	}
	if len(secret.StringData) == 0 {
		return
	}
	if secret.Data == nil {
		secret.Data = make(map[string][]byte, len(secret.StringData))
	}
	for key, value := range secret.StringData {
		secret.Data[key] = []byte(value)
	}
	secret.StringData = nil
}
