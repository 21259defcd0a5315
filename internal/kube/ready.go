package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ErrGone is the error of a wait for an object that somebody deleted.
var ErrGone = errors.New("it was deleted meanwhile")

// Readiness is how far an object is on its way to be what it declares.
type Readiness struct {
	// Ready objects need no wait; kinds that take no time are always ready.
	Ready bool
	// Why says what is missing, in words; empty for a ready object.
	Why string
	// Stuck objects do not become ready by themselves: a rollout over its progress
	// deadline, a Job that failed.
	Stuck bool
}

// readinessRules are the kinds that take time.
var readinessRules = map[schema.GroupKind]func(*unstructured.Unstructured) Readiness{
	{Kind: "Namespace"}: namespaceReadiness,
	{Group: apiextensionsv1.GroupName, Kind: "CustomResourceDefinition"}: crdReadiness,
	{Group: appsv1.GroupName, Kind: "Deployment"}:                        deploymentReadiness,
	{Group: appsv1.GroupName, Kind: "DaemonSet"}:                         daemonSetReadiness,
	{Group: appsv1.GroupName, Kind: "StatefulSet"}:                       statefulSetReadiness,
	{Group: batchv1.GroupName, Kind: "Job"}:                              jobReadiness,
}

// ReadinessOf judges an object by its status: a Namespace is ready when it is
// active, a CRD when it is served, a Deployment, DaemonSet or StatefulSet when
// its rollout is over, a Job when it is complete or suspended.
func ReadinessOf(object *unstructured.Unstructured) Readiness {
	if rule := readinessRules[object.GroupVersionKind().GroupKind()]; rule != nil {
		return rule(object)
	}
	return Readiness{Ready: true}
}

func namespaceReadiness(object *unstructured.Unstructured) Readiness {
	if object.GetDeletionTimestamp() != nil {
		return Readiness{Why: "it is being deleted"}
	}
	if phase, _, _ := unstructured.NestedString(object.Object, "status", "phase"); phase != string(corev1.NamespaceActive) {
		return Readiness{Why: "it is not active yet"}
	}
	return Readiness{Ready: true}
}

func crdReadiness(object *unstructured.Unstructured) Readiness {
	crd, unreadable := typed[CRD](object)
	if crd == nil {
		return unreadable
	}
	if crd.DeletionTimestamp == nil && isTrue(crd, apiextensionsv1.Established) && isTrue(crd, apiextensionsv1.NamesAccepted) {
		return Readiness{Ready: true}
	}
	return Readiness{Why: "the API server has it but does not serve it yet: " + notEstablished(crd)}
}

// ReadyOptions are how WaitReady waits. The zero value waits in silence.
type ReadyOptions struct {
	// Progress is told what is missing, each time that changes.
	Progress func(why string)
	// Patient waits for a stuck object, too: something has been done that may free it.
	Patient bool
}

// WaitReady returns when the object is ready. It fails with ErrGone when it is
// deleted, at once when it is stuck, and with what it last knew when the context
// ends.
func (c *Client) WaitReady(ctx context.Context, ref Ref, o ReadyOptions) error {
	var seen *unstructured.Unstructured
	var last Readiness
	wait := firstPause
	for {
		object, err := c.Get(ctx, ref)
		switch {
		case err != nil && ctx.Err() == nil:
			return err
		case err == nil && object == nil:
			return c.notReady(ref, Readiness{Why: ErrGone.Error()}, ErrGone)
		case err == nil:
			before := last.Why
			if seen, last = object, ReadinessOf(object); last.Ready {
				return nil
			}
			if o.Progress != nil && last.Why != before {
				o.Progress(last.Why)
			}
		}
		if last.Stuck && !o.Patient || ctx.Err() != nil {
			last.Why += c.podProblem(seen)
			return c.notReady(ref, last, ctx.Err())
		}
		pause(ctx, wait)
		wait = min(2*wait, longestPause)
	}
}

func (c *Client) notReady(ref Ref, last Readiness, cause error) error {
	e := &Error{Verb: "wait for", Object: ref.String(), Server: c.Server(), Problem: "it is not ready", Err: cause}
	if last.Why != "" {
		e.Problem += ": " + last.Why
	}
	if ref.Kind == "Namespace" {
		if holds := c.holdsNamespace(ref.Name); holds != "" {
			e.Problem += ", held: " + holds
		}
	}
	if errors.Is(cause, context.Canceled) {
		e.Problem += " (interrupted)"
	}
	return e
}

// podProblem says what keeps the first pod of a workload that is not ready, as
// "; Pod x: …", as far as its status tells. The time of the operation may be up.
func (c *Client) podProblem(workload *unstructured.Unstructured) string {
	if workload == nil {
		return ""
	}
	fields, found, _ := unstructured.NestedMap(workload.Object, "spec", "selector")
	var selector metav1.LabelSelector
	if !found || runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &selector) != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	list, err := c.dynamic.Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace(workload.GetNamespace()).
		List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(&selector)})
	if err != nil {
		return ""
	}
	for _, item := range list.Items {
		var pod corev1.Pod
		if runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &pod) != nil {
			continue
		}
		if problem := PodProblem(&pod); problem != "" {
			return fmt.Sprintf("; Pod %s: %s", pod.Name, problem)
		}
	}
	return ""
}

// PodProblem reads a pod's status: a container that does not start or does not
// stay, a pod no node takes, a probe that fails. It is empty for a pod that has
// none, and for one that is starting.
func PodProblem(pod *corev1.Pod) string {
	for _, status := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		if waiting := status.State.Waiting; waiting != nil && waiting.Reason != "ContainerCreating" && waiting.Reason != "PodInitializing" {
			return strings.TrimSuffix(fmt.Sprintf("container %s is waiting, %s: %s", status.Name, waiting.Reason, waiting.Message), ": ")
		}
		if ended := status.State.Terminated; ended != nil && ended.ExitCode != 0 {
			return fmt.Sprintf("container %s ended with status %d (%s)", status.Name, ended.ExitCode, ended.Reason)
		}
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Status == corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case corev1.PodScheduled, corev1.PodReady:
			if condition.Message != "" {
				return condition.Message
			}
		}
	}
	return ""
}
