package kube

import (
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// watchTokenFile makes a token that stands in a file be read again as soon as it
// is refused: client-go by itself goes on with it for up to a minute. It returns
// the path, or nothing where there is no such file.
func watchTokenFile(config *rest.Config) string {
	path := config.BearerTokenFile
	if path != "" {
		config.BearerToken, config.BearerTokenFile = "", ""
		config.Wrap(transport.ResettableTokenSourceWrapTransport(transport.NewCachedFileTokenSource(path)))
	}
	return path
}

// renewsCredentials reports whether credentials that were refused can be fetched
// again: from a command, or a file that someone else keeps up to date.
func (c *Client) renewsCredentials() bool {
	return c.config.ExecProvider != nil || c.config.AuthProvider != nil || c.tokenFile != ""
}

// refusedAdvice says what to do about credentials that were refused, which depends
// on where they come from.
func (c *Client) refusedAdvice() string {
	const renewed = "Those of exec, or of a kubeconfig with exec or tokenFile, are fetched anew for each plan and apply."
	switch {
	case strings.HasPrefix(c.config.Host, "http://"):
		return "None were sent, because that is never done in cleartext. Give host, or the kubeconfig's server, an https:// URL."
	case c.config.ExecProvider != nil:
		return "They come from the command " + c.config.ExecProvider.Command +
			", which was run again after the first refusal. Run it by hand: is what it prints for this cluster, and for a user that the cluster knows?"
	case c.tokenFile != "":
		return "They are the token in " + c.tokenFile + ", which was read again after the first refusal. Is it kept up to date, and for this cluster?"
	case c.config.BearerToken != "":
		return "They are a token that was given as text. If it has expired since the plan, get a new one and plan again: a saved plan has the old one, unless that came from an ephemeral variable. " + renewed
	case len(c.config.CertData) > 0 || c.config.CertFile != "":
		return "They are a client certificate. Has it expired, and was it signed by this cluster's authority?"
	case c.config.Username != "":
		return "They are username and password, which API servers have not accepted since Kubernetes 1.19. Use exec, token or client_certificate in the provider block."
	}
	return "There are none. Set exec, token or client_certificate in the provider block, or choose a user of the kubeconfig with config_context. " + renewed
}
