package kube

import (
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// The API server gives these errors no reason of their own.
const (
	admissionFailed  = "failed calling webhook"
	conversionFailed = "conversion webhook for"
)

// isWebhook reports whether the API server could not answer because a webhook did
// not.
func isWebhook(err error) bool {
	text := serverText(err)
	return apierrors.IsInternalError(err) && (strings.Contains(text, admissionFailed) || strings.Contains(text, conversionFailed))
}

func webhookAdvice(err error) string {
	if strings.Contains(serverText(err), conversionFailed) {
		return "Start the Service behind it; that of the CRDs of Emissary 3 is emissary-apiext. " +
			"When no object is stored in an older version any more, the CRD can do without: spec.conversion.strategy: None."
	}
	return "Start the Service behind it. Whose it is, kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations shows."
}

// serverText is what the API server said, without the prefix that says nothing.
func serverText(err error) string {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return ""
	}
	return strings.TrimPrefix(status.Status().Message, "Internal error occurred: ")
}
