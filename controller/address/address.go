// Package address tells where Ingresses are served: it copies the addresses of the load balancer in front of an install
// into the status of the Ingresses that the install serves, as Emissary does. kubectl shows them, and external-dns makes
// names of them.
//
// The load balancer is the Service of the controller's own namespace with the label app.kubernetes.io/component:
// ambassador-service that selects the controller's pod. Where it is of another type than LoadBalancer nobody here knows
// the addresses, and status is left to those who do.
package address

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	listers "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"

	"terraform-provider-emissary/controller/ingress"
)

// serviceLabel marks the Services in front of installs.
const serviceLabel = "app.kubernetes.io/component=ambassador-service"

const (
	// firstRetry and lastRetry bound the wait before a failed write is tried again.
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
	// writeTimeout bounds one write.
	writeTimeout = 10 * time.Second
)

// Options say whose Ingresses are meant.
type Options struct {
	Client kubernetes.Interface
	// Namespace is the controller's own, where the Service is.
	Namespace string
	// Ingresses is the namespace whose Ingresses are served; empty for those of all, and then by IngressClasses too.
	Ingresses string
	// LabelSelector and FieldSelector narrow which Ingresses are looked at, as they do for the watch.
	LabelSelector, FieldSelector string
	// AmbassadorID is the instance.
	AmbassadorID string
	// Pod has the labels of the controller's pod; empty where they are not known: any Service with the label will do then.
	Pod labels.Set
	// Log takes failures.
	Log *slog.Logger
}

// Writer writes the status of Ingresses.
type Writer struct {
	options   Options
	services  corelisters.ServiceLister
	ingresses listers.IngressLister
	classes   listers.IngressClassLister // nil where only one namespace is looked at
	queue     workqueue.TypedRateLimitingInterface[types.NamespacedName]
}

// Write keeps the status of all Ingresses up to date until the context ends. Only the leader of an install may.
func Write(ctx context.Context, options Options) {
	narrowed := informers.WithTweakListOptions(func(list *metav1.ListOptions) {
		list.LabelSelector, list.FieldSelector = options.LabelSelector, options.FieldSelector
	})
	front := informers.NewSharedInformerFactoryWithOptions(options.Client, 0, informers.WithNamespace(options.Namespace),
		informers.WithTweakListOptions(func(list *metav1.ListOptions) { list.LabelSelector = serviceLabel }))
	all := informers.NewSharedInformerFactoryWithOptions(options.Client, 0, informers.WithNamespace(options.Ingresses), narrowed,
		informers.WithTransform(trim))
	w := &Writer{
		options:   options,
		services:  front.Core().V1().Services().Lister(),
		ingresses: all.Networking().V1().Ingresses().Lister(),
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](firstRetry, lastRetry)),
	}
	follow(front.Core().V1().Services().Informer(), func(any) { w.everyIngress() })
	follow(all.Networking().V1().Ingresses().Informer(), w.oneIngress)
	if options.Ingresses == "" {
		classes := all.Networking().V1().IngressClasses()
		w.classes = classes.Lister()
		follow(classes.Informer(), func(any) { w.everyIngress() })
	}
	for _, factory := range []informers.SharedInformerFactory{front, all} {
		factory.Start(ctx.Done())
		defer factory.Shutdown()
		factory.WaitForCacheSync(ctx.Done())
	}
	var running sync.WaitGroup
	running.Go(func() { w.run(ctx) })
	<-ctx.Done()
	w.queue.ShutDown()
	running.Wait()
}

// trim leaves of an Ingress what says whose it is and where it is served.
func trim(object any) (any, error) {
	if i, ok := object.(*networkingv1.Ingress); ok {
		i.ManagedFields = nil
		i.Spec = networkingv1.IngressSpec{IngressClassName: i.Spec.IngressClassName}
	}
	return object, nil
}

func follow(informer cache.SharedIndexInformer, changed func(object any)) {
	// The error is that of an informer that was stopped, and this one has not begun.
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    changed,
		UpdateFunc: func(_, now any) { changed(now) },
		DeleteFunc: changed,
	})
}

func (w *Writer) oneIngress(object any) {
	if i, ok := object.(*networkingv1.Ingress); ok {
		w.queue.Add(types.NamespacedName{Namespace: i.Namespace, Name: i.Name})
	}
}

func (w *Writer) everyIngress() {
	all, _ := w.ingresses.List(labels.Everything()) // from memory
	for _, i := range all {
		w.oneIngress(i)
	}
}

func (w *Writer) run(ctx context.Context) {
	for {
		name, ended := w.queue.Get()
		if ended {
			return
		}
		err := w.update(ctx, name)
		switch {
		case err == nil || apierrors.IsNotFound(err) || ctx.Err() != nil:
			w.queue.Forget(name)
		default:
			if w.queue.NumRequeues(name) == 0 { // once for as long as it stays so
				w.options.Log.Warn("the status of an Ingress cannot be written, trying again", "ingress", name.String(), "error", err)
			}
			w.queue.AddRateLimited(name)
		}
		w.queue.Done(name)
	}
}

// update writes the status of an Ingress if it is served here and says something else.
func (w *Writer) update(ctx context.Context, name types.NamespacedName) error {
	served, err := w.ingresses.Ingresses(name.Namespace).Get(name.Name)
	if err != nil {
		return err
	}
	service := w.service()
	if service == nil || service.Spec.Type != corev1.ServiceTypeLoadBalancer || !ingress.Wanted(served, w.options.AmbassadorID, w.isOurs) {
		return nil
	}
	addresses := addressesOf(service)
	if equality.Semantic.DeepEqual(addresses, served.Status.LoadBalancer.Ingress) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"loadBalancer": map[string]any{"ingress": addresses}}})
	if err != nil {
		return fmt.Errorf("status of Ingress %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	_, err = w.options.Client.NetworkingV1().Ingresses(name.Namespace).Patch(ctx, name.Name, types.MergePatchType, patch,
		metav1.PatchOptions{FieldManager: "emissary-" + w.options.AmbassadorID}, "status")
	return err
}

func (w *Writer) isOurs(class string) bool {
	if w.classes == nil {
		return false
	}
	object, err := w.classes.Get(class)
	return err == nil && ingress.IsOurs(object, w.options.AmbassadorID)
}

// service is the Service in front of the install, nil when there is none. Of several, such as that of a canary, it is the
// first by name.
func (w *Writer) service() (first *corev1.Service) {
	all, _ := w.services.Services(w.options.Namespace).List(labels.Everything()) // from memory
	for _, service := range all {
		selects := len(w.options.Pod) == 0 || len(service.Spec.Selector) > 0 && labels.SelectorFromSet(service.Spec.Selector).Matches(w.options.Pod)
		if selects && (first == nil || service.Name < first.Name) {
			first = service
		}
	}
	return first
}

// addressesOf are the addresses of a load balancer in the type of an Ingress; nil, which removes them, when it has none.
func addressesOf(service *corev1.Service) (addresses []networkingv1.IngressLoadBalancerIngress) {
	for _, at := range service.Status.LoadBalancer.Ingress {
		address := networkingv1.IngressLoadBalancerIngress{IP: at.IP, Hostname: at.Hostname}
		for _, port := range at.Ports {
			address.Ports = append(address.Ports, networkingv1.IngressPortStatus{Port: port.Port, Protocol: port.Protocol, Error: port.Error})
		}
		addresses = append(addresses, address)
	}
	return addresses
}
