package kube

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// holdsNamespace says what keeps a namespace from going away: its own finalizers,
// and what its controller reports of those of the objects in it. It is empty when
// that cannot be found out, often because it is not permitted.
func (c *Client) holdsNamespace(name string) string {
	// The time of the operation that failed is up.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	object, err := c.dynamic.Resource(corev1.SchemeGroupVersion.WithResource("namespaces")).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	var namespace corev1.Namespace
	if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &namespace) != nil {
		return ""
	}
	var holds []string
	if finalizers := namespace.Finalizers; len(finalizers) > 0 {
		holds = append(holds, "it has the finalizers "+strings.Join(slices.Sorted(slices.Values(finalizers)), ", "))
	}
	for _, condition := range namespace.Status.Conditions {
		if condition.Status == corev1.ConditionTrue {
			holds = append(holds, strings.TrimSuffix(condition.Message, "."))
		}
	}
	return strings.Join(holds, "; ")
}
