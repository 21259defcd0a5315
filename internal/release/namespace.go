package release

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
)

// ownNamespace is the annotation of a namespace that an install created. Only
// such a namespace is deleted again, and only when it is empty.
const ownNamespace = "terraform-provider-emissary/created-for-release"

// ensureNamespace creates the namespace unless it is there. Credentials that may
// not look at namespaces may still work in one: that is found out later.
func (s *session) ensureNamespace(ctx context.Context, name string) error {
	namespaces := s.clients.CoreV1().Namespaces()
	namespace, err := namespaces.Get(ctx, name, metav1.GetOptions{})
	if err == nil && namespace.DeletionTimestamp != nil {
		return &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Reason: metav1.StatusReasonForbidden, Code: 403,
			Message: fmt.Sprintf("namespace %s is being deleted", name),
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}},
		}}
	}
	if err == nil || !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
		return err
	}
	// The label is the one Helm sets.
	_, createErr := namespaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:        name,
		Labels:      map[string]string{"name": name},
		Annotations: map[string]string{ownNamespace: "true"},
	}}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(createErr) || apierrors.IsForbidden(createErr) && apierrors.IsForbidden(err) {
		return nil
	}
	return createErr
}

// deleteOwnNamespace deletes the namespace if an install created it and nothing
// is left in it, and waits until it is gone. Otherwise it returns what to tell.
func (s *session) deleteOwnNamespace(ctx context.Context, name string) (note string, err error) {
	namespaces := s.clients.CoreV1().Namespaces()
	namespace, err := namespaces.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if namespace.Annotations[ownNamespace] == "" {
		return "", nil
	}
	rest, err := s.contents(ctx, name)
	if err != nil {
		return fmt.Sprintf("Namespace %s, because it cannot be seen whether it is empty: %v", name, err), nil
	}
	if rest.inUse {
		return "", nil // By another release, whose deletion comes here again.
	}
	if len(rest.objects) > 0 {
		return fmt.Sprintf("Namespace %s, because it still holds %s", name, strings.Join(rest.objects, ", ")), nil
	}
	precondition := &metav1.Preconditions{UID: &namespace.UID}
	if err := namespaces.Delete(ctx, name, metav1.DeleteOptions{Preconditions: precondition}); err != nil && !apierrors.IsNotFound(err) {
		return "", err
	}
	uid := namespace.UID
	err = poll(ctx, func() (bool, error) {
		current, err := namespaces.Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err) || err == nil && current.UID != uid:
			return true, nil
		case err == nil:
			namespace = current
		case ctx.Err() == nil:
			return false, err
		}
		return false, nil
	})
	if err != nil && ctx.Err() != nil {
		return "", &Error{Object: "Namespace " + name, Problem: "it is still being deleted" + holding(namespace), Err: err}
	}
	return "", err
}

// holding reads from a namespace's conditions what keeps it from going.
func holding(namespace *corev1.Namespace) string {
	var reasons []string
	for _, condition := range namespace.Status.Conditions {
		if condition.Status == corev1.ConditionTrue {
			reasons = append(reasons, condition.Message)
		}
	}
	if len(reasons) == 0 {
		return ""
	}
	return ": " + strings.Join(reasons, "; ")
}

// A namespace has a few objects by itself, and some that others derive.
var (
	derivedKinds = []schema.GroupResource{
		{Resource: "events"}, {Group: "events.k8s.io", Resource: "events"},
		{Resource: "endpoints"}, {Group: "discovery.k8s.io", Resource: "endpointslices"},
	}
	ownObjects = []string{"serviceaccounts/default", "configmaps/kube-root-ca.crt", "configmaps/openshift-service-ca.crt"}
)

// contents is what would be lost with a namespace.
type contents struct {
	objects []string // "ConfigMap settings"
	inUse   bool     // another release lives there
}

// contents lists what is in a namespace, up to a few of each kind: everything but
// what is derived, owned by another object, or being deleted already, and the
// leases of our own controllers.
func (s *session) contents(ctx context.Context, namespace string) (found contents, err error) {
	lists, err := discovery.ServerPreferredNamespacedResources(s.clients.Discovery())
	if err != nil {
		return found, err
	}
	config, err := s.actions.RESTClientGetter.ToRESTConfig()
	if err != nil {
		return found, err
	}
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return found, err
	}
	for _, list := range discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "delete"}}, lists) {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return found, err
		}
		for _, kind := range list.APIResources {
			resource := version.WithResource(kind.Name)
			if slices.Contains(derivedKinds, resource.GroupResource()) {
				continue
			}
			objects, err := client.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: 20})
			if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
				continue
			}
			if err != nil {
				return found, err
			}
			for _, object := range objects.Items {
				own := slices.Contains(ownObjects, kind.Name+"/"+object.Name) ||
					kind.Name == "leases" && object.Labels["app.kubernetes.io/managed-by"] == "terraform-provider-emissary"
				if !own && object.DeletionTimestamp == nil && len(object.OwnerReferences) == 0 {
					found.objects = append(found.objects, kind.Kind+" "+object.Name)
					found.inUse = found.inUse || kind.Name == "secrets" && object.Labels["owner"] == "helm"
				}
			}
		}
	}
	return found, nil
}
