package cluster_test

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"terraform-provider-emissary/test/cluster"
)

// A Deployment becomes Available: etcd, API server, controllers, scheduler and
// node all did their part.
func TestWorkloads(t *testing.T) {
	c := cluster.ForTest(t, cluster.Options{Workloads: true})
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"app": "web"}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "default"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}},
			},
		},
	}
	deployments := client.AppsV1().Deployments("default")
	if _, err := deployments.Create(t.Context(), deployment, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	watch, err := deployments.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=web"})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	deadline := time.After(time.Minute)
	for {
		select {
		case event := <-watch.ResultChan():
			if d, ok := event.Object.(*appsv1.Deployment); ok && d.Status.AvailableReplicas == 1 {
				return
			}
		case <-deadline:
			t.Fatal("the Deployment was not Available within a minute")
		}
	}
}
