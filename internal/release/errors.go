package release

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Error is a failed operation as a person should read it: what was attempted on
// which release, which object stands in the way, why, and what to do.
type Error struct {
	// Verb is what was attempted: "install", "upgrade", "uninstall", "read".
	Verb string
	// Release is namespace/name, Server the URL of the API server.
	Release, Server string
	// Object is the object that stands in the way, "Deployment emissary/gateway",
	// or empty.
	Object string
	// Problem and Advice are a clause and a sentence; Advice may be empty.
	Problem, Advice string
	// Err is the cause.
	Err error
}

func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "cannot %s release %s on %s: ", e.Verb, e.Release, e.Server)
	if e.Object != "" {
		text.WriteString(e.Object + ": ")
	}
	text.WriteString(strings.TrimSuffix(e.Problem, "."))
	if e.Advice != "" {
		text.WriteString(". " + e.Advice)
	}
	return text.String()
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// failure explains why an operation failed. ErrNotFound stays as it is.
func (c *Client) failure(verb string, ref Ref, err error) error {
	if errors.Is(err, ErrNotFound) {
		return err
	}
	e := c.explain(err)
	e.Verb, e.Release, e.Server = verb, ref.String(), c.kube.Server()
	return e
}

// foreignObject is how Helm says that an object belongs to someone else.
var foreignObject = regexp.MustCompile(`(\S+) "([^"]+)" in namespace "([^"]*)" exists and cannot be imported into the current release: (.*)`)

func (c *Client) explain(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	e := &Error{Problem: err.Error(), Err: err}
	var missing *missingKind
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Name != "" {
		details := status.Status().Details
		e.Object, e.Problem = details.Kind+" "+details.Name, status.Status().Message
	}
	switch foreign := foreignObject.FindStringSubmatch(err.Error()); {
	case errors.As(err, &missing):
		e.Problem, e.Advice = missing.Error(), missing.advice()
	case foreign != nil:
		e.Object = foreign[1] + " " + strings.TrimPrefix(foreign[3]+"/"+foreign[2], "/")
		e.Problem = "it exists and does not belong to this release (" + foreign[4] + ")"
		e.Advice = "Delete it, or set take_ownership = true to make it part of this release."
	case errors.Is(err, context.DeadlineExceeded):
		e.Problem, e.Advice = "time ran out: "+err.Error(), "The resource's timeouts bound this."
	case errors.Is(err, context.Canceled):
		e.Problem = "interrupted"
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		e.Problem, e.Advice = "its namespace is being deleted", "kubectl get namespace -o yaml shows what holds it."
	case apierrors.IsForbidden(err):
		e.Advice = "Give these credentials that verb (a Role or ClusterRole, and its binding)."
	default:
		if problem, advice := c.kube.ConnectionProblem(err); problem != "" {
			e.Problem, e.Advice = problem, advice
		}
	}
	return e
}

// isTransient matches failures that an API server, or a proxy or webhook before
// it, gets over by itself.
func isTransient(err error) bool {
	var status apierrors.APIStatus
	return apierrors.IsTooManyRequests(err) || apierrors.IsConflict(err) ||
		errors.As(err, &status) && status.Status().Code >= 500
}

// missingKind reports that the server does not know a kind of the manifests.
type missingKind struct {
	kind  schema.GroupKind
	cause error
}

func (e *missingKind) Error() string {
	return fmt.Sprintf("the server does not know the kind %s of %s", e.kind.Kind, e.kind.Group)
}

func (e *missingKind) Unwrap() error { return e.cause }

func (e *missingKind) advice() string {
	if e.kind.Group == "getambassador.io" {
		return "Install the CRDs, for example with the resource emissary_crds."
	}
	return fmt.Sprintf("Install the CRD of %s, or switch the object off in the chart's values.", e.kind)
}

// asMissingKind finds a missing kind in what the libraries below Helm return:
// lists of errors that errors.As does not look into.
func asMissingKind(err error) *missingKind {
	var found *meta.NoKindMatchError
	if errors.As(err, &found) {
		return &missingKind{kind: found.GroupKind, cause: err}
	}
	var list interface{ Errors() []error }
	if errors.As(err, &list) {
		for _, each := range list.Errors() {
			if missing := asMissingKind(each); missing != nil {
				return missing
			}
		}
	}
	return nil
}

// mayAppear reports whether what is missing may still come: kinds and namespaces
// are often created by the same apply.
func mayAppear(err error) bool {
	var missing *missingKind
	var status apierrors.APIStatus
	if errors.As(err, &missing) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return true
	}
	return apierrors.IsNotFound(err) && errors.As(err, &status) &&
		status.Status().Details != nil && status.Status().Details.Kind == "namespaces"
}
