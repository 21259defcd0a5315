package address

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"terraform-provider-emissary/controller/ingress"
	"terraform-provider-emissary/test/cluster"
)

// TestWrite follows a load balancer, the classes and the Ingresses of a real API server.
func TestWrite(t *testing.T) {
	t.Parallel()
	s := &server{client: kubernetes.NewForConfigOrDie(cluster.ForTest(t, cluster.Options{}).Config)}
	s.service(t, "another-install", "release=other", "192.0.2.99")
	s.service(t, "front", "release=mine", "192.0.2.1")
	s.class(t, "mine", ingress.Controller)
	s.class(t, "nginx", "k8s.io/ingress-nginx")
	s.ingress(t, "by-class", "mine")
	s.ingress(t, "of-another", "nginx")
	s.ingress(t, "class-to-come", "later")

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Write(ctx, Options{
			Client: s.client, Namespace: "default", AmbassadorID: "default",
			Pod: labels.Set{"release": "mine", "pod": "1"}, Log: slog.New(slog.DiscardHandler),
		})
	}()
	t.Cleanup(func() { cancel(); <-ended })

	s.expect(t, "by-class", "192.0.2.1")
	s.expect(t, "class-to-come")
	s.class(t, "later", ingress.Controller)
	s.expect(t, "class-to-come", "192.0.2.1")
	s.address(t, "front", "192.0.2.2", "192.0.2.3")
	s.expect(t, "by-class", "192.0.2.2", "192.0.2.3")
	s.expect(t, "class-to-come", "192.0.2.2", "192.0.2.3")
	s.address(t, "front")
	s.expect(t, "by-class")
	s.expect(t, "class-to-come")
	s.expect(t, "of-another") // at any time: it never had another writer
}

type server struct{ client kubernetes.Interface }

func (s *server) service(t *testing.T, name, selector string, addresses ...string) {
	t.Helper()
	pod, err := labels.ConvertSelectorToLabelsMap(selector)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.client.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app.kubernetes.io/component": "ambassador-service"}},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: pod, Ports: []corev1.ServicePort{{Port: 443}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.address(t, name, addresses...)
}

// address does what a cloud does.
func (s *server) address(t *testing.T, service string, addresses ...string) {
	t.Helper()
	object, err := s.client.CoreV1().Services("default").Get(t.Context(), service, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	object.Status.LoadBalancer.Ingress = nil
	for _, ip := range addresses {
		object.Status.LoadBalancer.Ingress = append(object.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: ip})
	}
	if _, err := s.client.CoreV1().Services("default").UpdateStatus(t.Context(), object, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (s *server) class(t *testing.T, name, controller string) {
	t.Helper()
	_, err := s.client.NetworkingV1().IngressClasses().Create(t.Context(), &networkingv1.IngressClass{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: networkingv1.IngressClassSpec{Controller: controller},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *server) ingress(t *testing.T, name, class string) {
	t.Helper()
	_, err := s.client.NetworkingV1().Ingresses("default").Create(t.Context(), &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: networkingv1.IngressSpec{IngressClassName: &class, DefaultBackend: &networkingv1.IngressBackend{
			Service: &networkingv1.IngressServiceBackend{Name: "app", Port: networkingv1.ServiceBackendPort{Number: 80}},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// expect waits until an Ingress has addresses.
func (s *server) expect(t *testing.T, name string, want ...string) {
	t.Helper()
	var got []string
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		object, err := s.client.NetworkingV1().Ingresses("default").Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, fmt.Errorf("Ingress %s: %w", name, err)
		}
		got = nil
		for _, address := range object.Status.LoadBalancer.Ingress {
			got = append(got, address.IP)
		}
		return slices.Equal(got, want), nil
	})
	if err != nil {
		t.Fatalf("Ingress %s is at %v, want %v: %v", name, got, want, err)
	}
}

func TestService(t *testing.T) {
	t.Parallel()
	addresses := addressesOf(&corev1.Service{Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{
		{Hostname: "lb.example.com", Ports: []corev1.PortStatus{{Port: 443, Protocol: corev1.ProtocolTCP}}},
	}}}})
	want := []networkingv1.IngressLoadBalancerIngress{{
		Hostname: "lb.example.com", Ports: []networkingv1.IngressPortStatus{{Port: 443, Protocol: corev1.ProtocolTCP}},
	}}
	if !equality.Semantic.DeepEqual(addresses, want) {
		t.Errorf("%+v, want %+v", addresses, want)
	}
}
