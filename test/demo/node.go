package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"terraform-provider-emissary/test/deps"
)

// node does what a kubelet would: it runs the container of the first pod of the
// release as a process of this machine, with the arguments and environment that
// the pod carries and the rights of its service account, and stops it when the
// pod goes.
//
// What a container would have and a process has not is added: where the API
// server is, where Envoy is, and loopback in place of the pod's own addresses.
type node struct {
	client  kubernetes.Interface
	config  *rest.Config
	dir     string
	eager   bool
	logFile string
	cancel  context.CancelFunc
	done    sync.WaitGroup

	pod     string // namespace/name of the pod whose container runs
	process *exec.Cmd
}

// startNode watches for the pod. An eager node does not ask whether the pod
// runs: on the user's own cluster it cannot.
func startNode(ctx context.Context, client kubernetes.Interface, config *rest.Config, dir string, eager bool) *node {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	n := &node{client: client, config: config, dir: dir, eager: eager, logFile: filepath.Join(dir, "controller.log"), cancel: cancel}
	events := make(chan *corev1.Pod, 16)
	pods := cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "pods", metav1.NamespaceAll, fields.Everything())
	send := func(object any) {
		if final, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = final.Obj
		}
		if pod, ok := object.(*corev1.Pod); ok && slices.Equal(pod.Spec.Containers[0].Args, []string{"controller"}) {
			select {
			case events <- pod:
			case <-ctx.Done():
			}
		}
	}
	store, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: pods,
		ObjectType:    &corev1.Pod{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    send,
			UpdateFunc: func(_, object any) { send(object) },
			DeleteFunc: send,
		},
	})
	n.done.Go(func() { informer.Run(ctx.Done()) })
	n.done.Go(func() { n.loop(ctx, events, store) })
	return n
}

// stop ends the container and the node.
func (n *node) stop() {
	n.cancel()
	n.done.Wait()
}

func (n *node) loop(ctx context.Context, events <-chan *corev1.Pod, store cache.Store) {
	defer n.stopContainer()
	for {
		select {
		case <-ctx.Done():
			return
		case pod := <-events:
			key := pod.Namespace + "/" + pod.Name
			_, exists, _ := store.GetByKey(key)
			switch {
			case key == n.pod && (!exists || pod.DeletionTimestamp != nil):
				n.stopContainer()
			case n.process == nil && exists && pod.DeletionTimestamp == nil && (n.eager || pod.Status.Phase == corev1.PodRunning):
				if err := n.startContainer(ctx, pod); err != nil {
					fmt.Fprintf(os.Stderr, "run pod %s: %v\n", key, err)
				}
			}
		}
	}
}

func (n *node) startContainer(ctx context.Context, pod *corev1.Pod) error {
	binary, err := providerBinary()
	if err != nil {
		return err
	}
	environment, err := n.environment(ctx, pod)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(n.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	process := exec.Command(binary, pod.Spec.Containers[0].Args...)
	process.Env, process.Stdout, process.Stderr = environment, log, log
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := process.Start(); err != nil {
		return err
	}
	n.pod, n.process = pod.Namespace+"/"+pod.Name, process
	return nil
}

// stopContainer does as Kubernetes does: SIGTERM, then SIGKILL.
func (n *node) stopContainer() {
	if n.process == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.process.Wait() //nolint:errcheck // how it ended is in its log
	}()
	n.process.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may be gone already
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		n.process.Process.Kill() //nolint:errcheck // as above
		<-done
	}
	n.pod, n.process = "", nil
}

// environment is the container's, then what stands for the container itself.
func (n *node) environment(ctx context.Context, pod *corev1.Pod) ([]string, error) {
	kubeconfig, err := n.serviceAccountKubeconfig(ctx, pod)
	if err != nil {
		return nil, err
	}
	envoy, err := deps.EnvoyPath()
	if err != nil {
		return nil, err
	}
	state := filepath.Join(n.dir, pod.Name)
	if err := os.MkdirAll(state, 0o755); err != nil {
		return nil, err
	}
	environment := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + state}
	for _, variable := range pod.Spec.Containers[0].Env {
		value := variable.Value
		if variable.ValueFrom != nil {
			if value, err = fieldValue(pod, variable.ValueFrom.FieldRef); err != nil {
				return nil, fmt.Errorf("environment variable %s: %w", variable.Name, err)
			}
		}
		environment = append(environment, variable.Name+"="+value)
	}
	return append(environment,
		"KUBECONFIG="+kubeconfig,
		"ENVOY="+envoy,
		"AMBASSADOR_CONFIG_BASE_DIR="+state,
		"AMBASSADOR_ENVOY_BIND_ADDRESS=127.0.0.1",
		"AMBASSADOR_HEALTHCHECK_BIND_ADDRESS=127.0.0.1",
		"AMBASSADOR_HEALTHCHECK_BIND_PORT="+strconv.Itoa(freePort(8877)),
		"AMBASSADOR_READY_PORT="+strconv.Itoa(freePort(8006)),
		"ENVOY_ADMIN_PORT="+strconv.Itoa(freePort(8001)),
	), nil
}

// fieldValue is the downward API.
func fieldValue(pod *corev1.Pod, ref *corev1.ObjectFieldSelector) (string, error) {
	if ref == nil {
		return "", fmt.Errorf("only fieldRef is supported here")
	}
	values := map[string]string{
		"metadata.name":           pod.Name,
		"metadata.namespace":      pod.Namespace,
		"metadata.uid":            string(pod.UID),
		"spec.nodeName":           pod.Spec.NodeName,
		"spec.serviceAccountName": pod.Spec.ServiceAccountName,
		"status.hostIP":           "127.0.0.1",
		"status.podIP":            "127.0.0.1",
	}
	value, ok := values[ref.FieldPath]
	if !ok {
		return "", fmt.Errorf("field %q is not supported here", ref.FieldPath)
	}
	return value, nil
}

// serviceAccountKubeconfig gives the process the rights of its pod and no more,
// so that the chart's RBAC rules are what it lives with.
func (n *node) serviceAccountKubeconfig(ctx context.Context, pod *corev1.Pod) (path string, err error) {
	token, err := n.client.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, pod.Spec.ServiceAccountName,
		&authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token of service account %s/%s: %w", pod.Namespace, pod.Spec.ServiceAccountName, err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["demo"] = &clientcmdapi.Cluster{
		Server:                   n.config.Host,
		CertificateAuthority:     n.config.CAFile,
		CertificateAuthorityData: n.config.CAData,
	}
	config.AuthInfos["demo"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["demo"] = &clientcmdapi.Context{Cluster: "demo", AuthInfo: "demo"}
	config.CurrentContext = "demo"
	path = filepath.Join(n.dir, "controller.kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}
