package install

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"terraform-provider-emissary/internal/kube"
)

const (
	// adminPort is the name of the container port of the controller's own pages,
	// defaultAdminPort its number where the chart's default is not changed.
	adminPort        = "admin"
	defaultAdminPort = "8877"
	diagnosticsPath  = "/ambassador/v0/diag/?json=true"
)

// PodDiagnostics is what one pod of an install says about itself.
type PodDiagnostics struct {
	Pod   string `json:"pod"`
	Node  string `json:"node"`
	Phase string `json:"phase"`
	Ready bool   `json:"ready"`
	// Restarts counts those of all its containers.
	Restarts int32 `json:"restarts"`
	// Diagnostics is the page; Error is why there is none.
	Diagnostics json.RawMessage `json:"diagnostics,omitempty"`
	Error       string          `json:"error,omitempty"`
}

// Diagnostics asks each pod of an install for its diagnostics, through the API
// server. It is an error when there is no pod, or none that answers.
func Diagnostics(ctx context.Context, client *kube.Client, ref Ref, progress func(string)) ([]PodDiagnostics, error) {
	pods, err := list[corev1.Pod](ctx, client, kube.Pods, ref)
	if err != nil {
		return nil, err
	}
	var all []PodDiagnostics
	answers := 0
	for _, pod := range pods {
		progress("asking pod " + pod.Namespace + "/" + pod.Name)
		one := describePod(pod)
		page, err := client.PodGet(ctx, podRef(pod), portOf(pod), diagnosticsPath)
		switch {
		case apierrors.IsNotFound(err):
			one.Error = "the pod does not show its diagnostics to others: set diagnostics.enabled = true in the config of the Module ambassador"
		case err != nil:
			one.Error = err.Error()
		case !json.Valid(page):
			one.Error = "the answer is no JSON: this is no pod of the product, or an older one"
		default:
			one.Diagnostics = page
			answers++
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no release %s on %s: no Pod in the namespace has the label %s", ref, client.Server(), ref.selector())
	}
	if answers == 0 {
		var reasons []string
		for _, one := range all {
			reasons = append(reasons, one.Pod+": "+one.Error)
		}
		return all, fmt.Errorf("no pod of the release %s on %s gives its diagnostics: %s", ref, client.Server(), strings.Join(reasons, "; "))
	}
	return all, nil
}

func describePod(pod *corev1.Pod) PodDiagnostics {
	one := PodDiagnostics{Pod: pod.Namespace + "/" + pod.Name, Node: pod.Spec.NodeName, Phase: string(pod.Status.Phase)}
	for _, condition := range pod.Status.Conditions {
		one.Ready = one.Ready || condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue
	}
	for _, container := range pod.Status.ContainerStatuses {
		one.Restarts += container.RestartCount
	}
	return one
}

func portOf(pod *corev1.Pod) string {
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == adminPort {
				return fmt.Sprint(port.ContainerPort)
			}
		}
	}
	return defaultAdminPort
}
