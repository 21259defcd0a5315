package controller

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"

	"terraform-provider-emissary/controller/address"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/watch"
)

// cluster is the API server as a source of objects and a place for their status.
type cluster struct {
	source *watch.Kubernetes
	writer *status.Writer
	typed  kubernetes.Interface
	events record.EventBroadcaster
	// addresses say whose Ingresses are told where they are served.
	addresses address.Options
	env       Environment
	log       *slog.Logger
}

func openCluster(options Options) (*cluster, error) {
	env := options.Environment
	config, err := restConfig(options.Kubeconfig)
	if err != nil {
		return nil, err
	}
	follow := watch.KubernetesOptions{
		Config:        config,
		LabelSelector: env.LabelSelector,
		FieldSelector: env.FieldSelector,
		Log:           options.Log,
	}
	if env.SingleNamespace {
		follow.Namespace = env.Namespace
	}
	if env.CertsSingleNamespace {
		follow.SecretNamespace = env.Namespace
	}
	source, err := watch.NewKubernetes(follow)
	if err != nil {
		return nil, err
	}
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for %s: %w", config.Host, err)
	}
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for %s: %w", config.Host, err)
	}
	pod, err := address.ReadLabels(address.PodLabels)
	if err != nil {
		return nil, err
	}
	events := record.NewBroadcaster()
	return &cluster{
		source: source,
		typed:  typed,
		events: events,
		env:    env,
		log:    options.Log,
		addresses: address.Options{
			Client:        typed,
			Namespace:     env.Namespace,
			Ingresses:     follow.Namespace,
			LabelSelector: env.LabelSelector,
			FieldSelector: env.FieldSelector,
			AmbassadorID:  env.AmbassadorID,
			Pod:           pod,
			Log:           options.Log,
		},
		writer: status.NewWriter(status.WriterOptions{
			Client:       untyped,
			Observed:     source.Get,
			AmbassadorID: env.AmbassadorID,
			Events:       events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "emissary-" + env.AmbassadorID, Host: hostname()}),
			Log:          options.Log,
		}),
	}, nil
}

// lead contends for the leadership until the context ends; the leader writes status, addresses and events.
func (c *cluster) lead(ctx context.Context) error {
	defer c.events.Shutdown()
	return status.Elect(ctx, status.ElectionOptions{
		Client:       c.typed,
		Namespace:    c.env.Namespace,
		AmbassadorID: c.env.AmbassadorID,
		Identity:     fmt.Sprintf("%s_%d", hostname(), os.Getpid()),
		Log:          c.log,
	}, func(ctx context.Context) {
		sink := c.events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: c.typed.CoreV1().Events("")})
		defer sink.Stop()
		var addresses sync.WaitGroup
		defer addresses.Wait()
		addresses.Go(func() { address.Write(ctx, c.addresses) })
		c.writer.Lead(ctx)
	})
}

// restConfig finds the way to the cluster: the given file, KUBECONFIG, or the pod's service account.
func restConfig(kubeconfig string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the cluster (--kubeconfig, KUBECONFIG, or a pod's service account; --manifests needs none): %w", err)
	}
	config.QPS = -1 // writes are bounded by their few workers, reads by the server
	config.UserAgent = "terraform-provider-emissary/controller"
	return config, nil
}
