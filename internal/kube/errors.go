package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Error is a failed request as a person should read it: which verb, which
// object, which server, what went wrong and what to do next.
type Error struct {
	// Verb is what was attempted: "apply", "read", "delete", "watch".
	Verb string
	// Object names what it was attempted on.
	Object string
	// Server is the URL of the API server.
	Server string
	// Problem and Advice are a clause and a sentence.
	Problem, Advice string
	// Err is the cause.
	Err error
}

// Error is one sentence, and one of advice where there is any.
func (e *Error) Error() string {
	text := fmt.Sprintf("cannot %s %s on %s: %s", e.Verb, e.Object, e.Server, strings.TrimSuffix(e.Problem, "."))
	if e.Advice != "" {
		text += ". " + e.Advice
	}
	return text
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// failure explains why a request failed.
func (c *Client) failure(verb string, ref Ref, err error) error {
	e := &Error{Verb: verb, Object: ref.String(), Server: c.Server(), Problem: err.Error(), Err: err}
	switch {
	case errors.Is(err, errNoAPIServer):
		e.Advice = "Check host or config_path in the provider block."
	case isConflictOfManagers(err):
		e.Problem = "other field managers own what it sets: " + strings.Join(conflicts(err), "; ")
		e.Advice = "Remove these fields from one of the two, or set force_conflicts = true to take them over."
	case isTerminating(err):
		e.Problem = fmt.Sprintf("the namespace %s is being deleted", ref.Namespace)
		e.Advice = "Wait until it is gone; kubectl get namespace " + ref.Namespace + " -o yaml shows what holds it."
		if holds := c.holdsNamespace(ref.Namespace); holds != "" {
			e.Problem += " and held: " + holds
			e.Advice = "Whoever set these finalizers must remove them; is that controller running?"
		}
	case apierrors.IsForbidden(err):
		e.Problem = forbidden(err)
		e.Advice = fmt.Sprintf("Give these credentials the verb on %s (a Role or ClusterRole, and its binding).", ref.GroupResource())
	case isMissingNamespace(err, ref):
		e.Problem = fmt.Sprintf("the namespace %s does not exist", ref.Namespace)
		e.Advice = "Create it, for example with a kubernetes_namespace resource."
	case isUnknownType(err):
		e.Problem = fmt.Sprintf("the server does not know %s (%s)", ref.Kind, ref.GroupVersion())
		e.Advice = "Install the CRDs, for example with the resource emissary_crds."
		if ref.Group != Group {
			e.Advice = "Correct apiVersion and kind, or install what brings its CRD."
		}
	case isWebhook(err):
		e.Problem = "a webhook that the server has to ask does not answer: " + serverText(err)
		e.Advice = webhookAdvice(err)
	case apierrors.IsInvalid(err):
		e.Problem = "the server refuses it: " + invalid(err)
	case isBusy(err):
		e.Problem = rootCause(err)
	default:
		if problem, advice := c.ConnectionProblem(err); problem != "" {
			e.Problem, e.Advice = problem, advice
		}
	}
	return e
}

// ConnectionProblem explains, in a clause and a sentence, why a request got no answer
// from the server it was meant for, or was refused for its credentials. It is empty
// for other failures.
func (c *Client) ConnectionProblem(err error) (problem, advice string) {
	switch {
	case apierrors.IsUnauthorized(err):
		return "the server does not accept the credentials (401 Unauthorized)", c.refusedAdvice()
	case isUntrusted(err):
		return "the server's certificate is not trusted: " + rootCause(err),
			"Set cluster_ca_certificate or tls_server_name in the provider block."
	case isCredentialCommand(err):
		return "the command that gets credentials failed: " + rootCause(err),
			"Check exec in the provider block or in the kubeconfig, and that the command is installed where Terraform runs."
	case IsUnreachable(err):
		return "the server cannot be reached: " + rootCause(err),
			"Check host, config_path or config_context in the provider block, and that the cluster is up."
	}
	return "", ""
}

// conflicts lists, per field, who owns it: `.spec.timeout_ms is owned by "helm"`.
func conflicts(err error) (list []string) {
	for _, cause := range causes(err, metav1.CauseTypeFieldManagerConflict) {
		list = append(list, fmt.Sprintf("%s is owned by %s", strings.TrimPrefix(cause.Field, "."), managerIn(cause.Message)))
	}
	return list
}

// managerIn takes the manager out of `conflict with "helm" using v1 at …`.
func managerIn(message string) string {
	if parts := strings.SplitN(message, `"`, 3); len(parts) == 3 {
		return fmt.Sprintf("%q", parts[1])
	}
	return message
}

func causes(err error, kind metav1.CauseType) (list []metav1.StatusCause) {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	for _, cause := range status.Status().Details.Causes {
		if cause.Type == kind {
			list = append(list, cause)
		}
	}
	return list
}

func isConflictOfManagers(err error) bool {
	return apierrors.IsConflict(err) && len(causes(err, metav1.CauseTypeFieldManagerConflict)) > 0
}

// IsImmutable reports whether the API server refuses a change because the object
// can never be changed so: the selector of a Deployment, the template of a Job,
// most of a StatefulSet.
func IsImmutable(err error) bool {
	if !apierrors.IsInvalid(err) {
		return false
	}
	for _, cause := range append(causes(err, metav1.CauseTypeFieldValueInvalid), causes(err, metav1.CauseTypeForbidden)...) {
		if strings.Contains(cause.Message, "immutable") || strings.Contains(cause.Message, "updates to statefulset spec") {
			return true
		}
	}
	return false
}

func isTerminating(err error) bool {
	return apierrors.HasStatusCause(err, "NamespaceTerminating")
}

// isMissingNamespace tells a missing namespace from a missing object.
func isMissingNamespace(err error, ref Ref) bool {
	status := apierrors.APIStatus(nil)
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	details := status.Status().Details
	return details.Kind == "namespaces" && details.Name == ref.Namespace
}

// isUnknownType tells "no such path" (the CRD is not there) from a missing
// object: only the latter names it.
func isUnknownType(err error) bool {
	status := apierrors.APIStatus(nil)
	return apierrors.IsNotFound(err) && errors.As(err, &status) &&
		(status.Status().Details == nil || status.Status().Details.Name == "" || len(causes(err, metav1.CauseTypeUnexpectedServerResponse)) > 0)
}

// isUntrusted reports whether the server answered with a certificate that the
// configured authority has not signed, or for another name.
func isUntrusted(err error) bool {
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &certificate)
}

// isCredentialCommand reports whether an exec plugin failed. client-go gives that
// error no type.
func isCredentialCommand(err error) bool {
	return err != nil && strings.Contains(err.Error(), "getting credentials: ")
}

// IsUnreachable reports whether no answer came at all, which may pass.
func IsUnreachable(err error) bool {
	if err == nil || isUntrusted(err) || isCredentialCommand(err) || isBusy(err) {
		return false
	}
	var urlError *url.Error
	var netError net.Error
	return errors.As(err, &urlError) || errors.As(err, &netError) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrUnexpectedEOF)
}

// forbidden is the server's own sentence without its Go prefix.
func forbidden(err error) string {
	text := err.Error()
	if _, after, ok := strings.Cut(text, "is forbidden: "); ok {
		return "it is forbidden: " + after
	}
	return text
}

func invalid(err error) string {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) || status.Status().Details == nil || len(status.Status().Details.Causes) == 0 {
		return err.Error()
	}
	var list []string
	for _, cause := range status.Status().Details.Causes {
		list = append(list, strings.TrimPrefix(cause.Field+": "+cause.Message, "<nil>: "))
	}
	return strings.Join(list, "; ")
}

// rootCause drops the layers that repeat verb and URL.
func rootCause(err error) string {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return "no answer in time"
	}
	var urlError *url.Error
	if errors.As(err, &urlError) {
		err = urlError.Err
	}
	return err.Error()
}
