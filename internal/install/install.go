// Package install looks after an install of the ingress that is running: what it
// reports, where it is reached, its pods. It knows no Terraform.
package install

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"terraform-provider-emissary/internal/kube"
)

// Ref names an install by its release.
type Ref struct{ Namespace, Name string }

func (r Ref) String() string { return r.Namespace + "/" + r.Name }

// selector finds the objects of the release, as its chart labels them.
func (r Ref) selector() string { return "app.kubernetes.io/instance=" + r.Name }

var (
	services    = core("services", "Service")
	secrets     = core("secrets", "Secret")
	tlsContexts = kube.Type{GroupVersionResource: kube.APIGroupVersion.WithResource("tlscontexts"), Kind: "TLSContext"}
)

func core(plural, kind string) kube.Type {
	return kube.Type{GroupVersionResource: corev1.SchemeGroupVersion.WithResource(plural), Kind: kind}
}

// list reads the objects of a type that belong to the release.
func list[T any](ctx context.Context, client *kube.Client, t kube.Type, ref Ref) ([]*T, error) {
	var all []*T
	for object, err := range client.List(ctx, t, ref.Namespace, ref.selector()) {
		if err != nil {
			return nil, err
		}
		one, err := typed[T](object)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func typed[T any](object *unstructured.Unstructured) (*T, error) {
	one := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, one); err != nil {
		return nil, fmt.Errorf("%s %s/%s cannot be read: %w", object.GetKind(), object.GetNamespace(), object.GetName(), err)
	}
	return one, nil
}
