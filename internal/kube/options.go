package kube

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Default request rate of the client, in requests per second. client-go's own
// default (5, burst 10) would make an apply of a thousand objects take minutes.
// API servers guard themselves, by priority and fairness; this only keeps a
// mistake from hammering an old one.
const (
	DefaultQPS   = 500
	DefaultBurst = 1000
)

// ErrNotConfigured reports that no cluster is configured (yet): no kubeconfig,
// no host, and no pod to run in. Match it with errors.Is.
var ErrNotConfigured = errors.New("no Kubernetes cluster is configured")

// Options are the settings of one connection. The zero value means "the pod
// this process runs in". Names and meaning follow kubeconfig.
type Options struct {
	// ConfigPaths are kubeconfig files, merged in order (the first to set a
	// value wins). A leading ~ is the user's home folder.
	ConfigPaths []string
	// ConfigRaw is the text of a kubeconfig. It excludes ConfigPaths.
	ConfigRaw string
	// Context, ContextAuthInfo and ContextCluster choose an entry of the
	// kubeconfig; empty means the current context's.
	Context, ContextAuthInfo, ContextCluster string

	// Host is the API server: a URL or host:port.
	Host string
	// Token is a bearer token; Username and Password are basic authentication.
	Token, Username, Password string
	// ClientCertificate, ClientKey and ClusterCACertificate are PEM text.
	ClientCertificate, ClientKey, ClusterCACertificate string
	// Exec runs a command that prints credentials; nil means none.
	Exec *Exec
	// ProxyURL is the proxy to the API server; empty means the environment's.
	ProxyURL string
	// TLSServerName is the name to check the server's certificate against.
	TLSServerName string
	// Insecure switches the check of the server's certificate off.
	Insecure bool

	// InCluster demands (true) or forbids (false) the pod's own service
	// account. Nil means: use it when nothing else is configured.
	InCluster *bool

	// QPS and Burst bound the request rate. Zero means the defaults above.
	QPS   float32
	Burst int

	// FieldManager owns the fields that Apply writes. Required for writing.
	FieldManager string
	// UserAgent names the client in the API server's audit log.
	UserAgent string
}

// Exec is a credential plugin as in a kubeconfig's users[].user.exec.
type Exec struct {
	APIVersion string
	Command    string
	Args       []string
	Env        map[string]string
}

// RESTConfig resolves the options to a client configuration. It reads files but
// opens no connection. It returns ErrNotConfigured, wrapped with what is
// missing, when there is nothing to connect to.
func (o Options) RESTConfig() (*rest.Config, error) {
	cfg, err := o.load()
	if err != nil {
		return nil, err
	}
	cfg.QPS, cfg.Burst = o.QPS, o.Burst
	if cfg.QPS == 0 {
		cfg.QPS = DefaultQPS
	}
	if cfg.Burst == 0 {
		cfg.Burst = max(DefaultBurst, int(cfg.QPS))
	}
	if o.UserAgent != "" {
		cfg.UserAgent = o.UserAgent
	}
	// A server that drops packets must not hold each object for 30 seconds.
	cfg.Dial = (&net.Dialer{Timeout: connectGrace, KeepAlive: 30 * time.Second}).DialContext
	// Deprecation warnings of the API server belong to no one here: Terraform
	// would show them as provider noise on stderr.
	cfg.WarningHandler = rest.NoWarnings{}
	return cfg, nil
}

func (o Options) load() (*rest.Config, error) {
	if o.InCluster != nil && *o.InCluster {
		return o.inCluster()
	}
	kubeconfig, err := o.kubeconfig()
	if err != nil {
		return nil, err
	}
	if kubeconfig == nil && o.Host == "" {
		if o.InCluster != nil || os.Getenv("KUBERNETES_SERVICE_HOST") == "" {
			return nil, fmt.Errorf("%w: set config_path, config_raw or host in the provider block, or the environment variable KUBECONFIG", ErrNotConfigured)
		}
		return o.inCluster()
	}
	if kubeconfig == nil {
		kubeconfig = clientcmdapi.NewConfig()
	}
	overrides, err := o.overrides()
	if err != nil {
		return nil, err
	}
	if o.Context != "" && kubeconfig.Contexts[o.Context] == nil {
		return nil, fmt.Errorf("the kubeconfig has no context %q; it has: %s", o.Context, names(kubeconfig.Contexts))
	}
	cfg, err := clientcmd.NewNonInteractiveClientConfig(*kubeconfig, o.Context, overrides, nil).ClientConfig()
	if err != nil {
		if clientcmd.IsEmptyConfig(err) {
			return nil, fmt.Errorf("%w: the kubeconfig names no cluster to connect to; set config_context, or current-context in the file", ErrNotConfigured)
		}
		return nil, fmt.Errorf("the Kubernetes connection settings are not usable: %w", err)
	}
	if o.ProxyURL != "" {
		proxy, err := url.Parse(o.ProxyURL)
		if err != nil {
			return nil, fmt.Errorf("proxy_url %q is not a URL: %w", o.ProxyURL, err)
		}
		cfg.Proxy = http.ProxyURL(proxy)
	}
	return cfg, nil
}

func (o Options) inCluster() (*rest.Config, error) {
	cfg, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("%w: in_cluster is in effect but this process does not run in a pod with a service account: %w", ErrNotConfigured, err)
	}
	return cfg, nil
}

// kubeconfig returns the merged kubeconfig, or nil when none is named.
func (o Options) kubeconfig() (*clientcmdapi.Config, error) {
	if o.ConfigRaw != "" {
		cfg, err := clientcmd.Load([]byte(o.ConfigRaw))
		if err != nil {
			return nil, fmt.Errorf("config_raw is not a kubeconfig: %w", err)
		}
		return cfg, nil
	}
	if len(o.ConfigPaths) == 0 {
		return nil, nil
	}
	rules := &clientcmd.ClientConfigLoadingRules{}
	for _, path := range o.ConfigPaths {
		path = expandHome(path)
		if _, err := os.Stat(path); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue // As in kubectl: a missing file counts as empty.
			}
			return nil, fmt.Errorf("cannot read the kubeconfig: %w", err)
		}
		rules.Precedence = append(rules.Precedence, path)
	}
	if len(rules.Precedence) == 0 {
		if o.Host != "" {
			return nil, nil
		}
		return nil, fmt.Errorf("%w: the kubeconfig %s does not exist", ErrNotConfigured, strings.Join(o.ConfigPaths, ", "))
	}
	cfg, err := rules.Load()
	if err != nil {
		return nil, fmt.Errorf("cannot read the kubeconfig: %w", err)
	}
	return cfg, nil
}

// overrides are the settings that win over the kubeconfig's.
func (o Options) overrides() (*clientcmd.ConfigOverrides, error) {
	overrides := &clientcmd.ConfigOverrides{
		Context: clientcmdapi.Context{AuthInfo: o.ContextAuthInfo, Cluster: o.ContextCluster},
		ClusterInfo: clientcmdapi.Cluster{
			TLSServerName:         o.TLSServerName,
			InsecureSkipTLSVerify: o.Insecure,
		},
		AuthInfo: clientcmdapi.AuthInfo{
			Token:    o.Token,
			Username: o.Username,
			Password: o.Password,
		},
	}
	if o.Host != "" {
		withTLS := o.ClusterCACertificate != "" || o.ClientCertificate != "" || o.Insecure
		host, _, err := rest.DefaultServerURL(o.Host, "", APIGroupVersion, withTLS)
		if err != nil {
			return nil, fmt.Errorf("host %q is not a URL or host:port of an API server: %w", o.Host, err)
		}
		overrides.ClusterInfo.Server = host.String()
	}
	if o.ClusterCACertificate != "" {
		overrides.ClusterInfo.CertificateAuthorityData = []byte(o.ClusterCACertificate)
	}
	if o.ClientCertificate != "" {
		overrides.AuthInfo.ClientCertificateData = []byte(o.ClientCertificate)
	}
	if o.ClientKey != "" {
		overrides.AuthInfo.ClientKeyData = []byte(o.ClientKey)
	}
	if o.Exec != nil {
		exec := &clientcmdapi.ExecConfig{
			APIVersion:      o.Exec.APIVersion,
			Command:         o.Exec.Command,
			Args:            o.Exec.Args,
			InteractiveMode: clientcmdapi.NeverExecInteractiveMode, // Terraform owns the terminal.
		}
		for _, name := range sortedKeys(o.Exec.Env) {
			exec.Env = append(exec.Env, clientcmdapi.ExecEnvVar{Name: name, Value: o.Exec.Env[name]})
		}
		overrides.AuthInfo.Exec = exec
	}
	return overrides, nil
}

func expandHome(path string) string {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return home + path[1:]
}

func names[V any](m map[string]V) string {
	if len(m) == 0 {
		return "none"
	}
	return strings.Join(sortedKeys(m), ", ")
}
