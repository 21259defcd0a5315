package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
)

// Pods is the type of pods.
var Pods = Type{GroupVersionResource: corev1.SchemeGroupVersion.WithResource("pods"), Kind: "Pod"}

// Evict asks for a pod to be ended, as a drain of its node does, and waits until
// it is gone. As long as a PodDisruptionBudget forbids it, it asks again, until
// the context ends.
func (c *Client) Evict(ctx context.Context, pod Ref) error {
	eviction := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "policy/v1", "kind": "Eviction",
		"metadata": map[string]any{"name": pod.Name, "namespace": pod.Namespace},
	}}
	err := c.retry(ctx, "evict", pod, false, func(ctx context.Context) error {
		_, err := c.resource(pod).Create(ctx, eviction, metav1.CreateOptions{}, "eviction")
		if apierrors.IsNotFound(err) {
			return nil // It has ended already.
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.waitGone(ctx, pod)
}

// PodGet reads a page of a pod through the API server: the path, with a query,
// at the port.
func (c *Client) PodGet(ctx context.Context, pod Ref, port, path string) (body []byte, err error) {
	clients, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return nil, err
	}
	// client-go's ProxyGet would drop a slash at the end of the path.
	uri := fmt.Sprintf("/api/v1/namespaces/%s/pods/http:%s:%s/proxy%s", pod.Namespace, pod.Name, port, path)
	err = c.retry(ctx, "read", pod, false, func(ctx context.Context) (err error) {
		body, err = clients.CoreV1().RESTClient().Get().RequestURI(uri).DoRaw(ctx)
		return err
	})
	return body, err
}
