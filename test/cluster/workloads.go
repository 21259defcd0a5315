package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"terraform-provider-emissary/test/deps"
)

// nodeName is the one node of a cluster with workloads.
const nodeName = "kwok"

//go:embed stages.yaml
var stages []byte

// startWorkloads runs what turns a Deployment into Ready pods.
func (c *Cluster) startWorkloads(ctx context.Context, log *os.File) error {
	stagesFile := filepath.Join(c.dir, "stages.yaml")
	if err := os.WriteFile(stagesFile, stages, 0o600); err != nil {
		return err
	}
	certificates := c.environment.ControlPlane.GetAPIServer().CertDir
	for _, command := range [][]string{
		{"kube-controller-manager",
			"--kubeconfig", c.Kubeconfig,
			"--leader-elect=false",
			"--secure-port=0",
			"--service-account-private-key-file", filepath.Join(certificates, "sa-signer.key"),
			"--root-ca-file", filepath.Join(certificates, "apiserver.crt"),
		},
		{"kube-scheduler",
			"--kubeconfig", c.Kubeconfig,
			"--leader-elect=false",
			"--secure-port=0",
		},
		{"kwok",
			"--kubeconfig", c.Kubeconfig,
			"--config", stagesFile,
			"--manage-all-nodes",
			"--node-lease-duration-seconds", "40",
			"--server-address", "",
		},
	} {
		p, err := startProcess(filepath.Join(deps.Bin(), command[0]), command[1:], log)
		if err != nil {
			return err
		}
		c.processes = append(c.processes, p)
	}
	return c.addNode(ctx)
}

// addNode registers the node and waits until kwok reports it Ready.
func (c *Cluster) addNode(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return err
	}
	room := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("32"),
		corev1.ResourceMemory: resource.MustParse("256Gi"),
		corev1.ResourcePods:   resource.MustParse("1000"),
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:   nodeName,
			Labels: map[string]string{corev1.LabelHostname: nodeName, corev1.LabelOSStable: "linux"},
		},
		Status: corev1.NodeStatus{Capacity: room, Allocatable: room},
	}
	if _, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create node %q: %w", nodeName, err)
	}
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		node, err := client.CoreV1().Nodes().Get(ctx, nodeName, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady {
				return condition.Status == corev1.ConditionTrue, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("wait for node %q to be Ready: %w", nodeName, err)
	}
	return nil
}

// process is a program that runs until stop.
type process struct {
	command *exec.Cmd
	done    chan struct{}
}

func startProcess(path string, arguments []string, log *os.File) (*process, error) {
	command := exec.Command(path, arguments...)
	// A killed test must leave nothing running.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if log != nil {
		command.Stdout, command.Stderr = log, log
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(path), err)
	}
	p := &process{command: command, done: make(chan struct{})}
	go func() {
		command.Wait() //nolint:errcheck // it was told to end, how it did so does not matter
		close(p.done)
	}()
	return p, nil
}

// stop asks the program to end and kills it when it has not after ten seconds.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(10 * time.Second):
		return p.command.Process.Kill()
	}
}
