// Package cluster runs a throwaway Kubernetes on loopback for tests, the demo
// and benchmarks: a real etcd and API server, and on request the controllers,
// the scheduler and a kwok node that marks pods running without running them.
//
// The programs come from the Go module in kubernetes/ and are built into
// .cache/bin by `make deps`. No root, no Docker, no network beyond loopback.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"terraform-provider-emissary/test/deps"
)

// startTimeout bounds how long etcd and the API server may take to answer: they
// need 3 to 7 seconds on a quiet machine with two cores.
const startTimeout = 2 * time.Minute

// Options choose what runs besides etcd and the API server.
type Options struct {
	// Workloads adds the controller manager, the scheduler and a kwok node, so
	// that Deployments get pods that become Ready (and never run).
	Workloads bool
	// Log receives the output of all programs; nil discards it.
	Log *os.File
}

// Cluster is a running control plane.
type Cluster struct {
	// Config connects as a cluster administrator.
	Config *rest.Config
	// Kubeconfig is the path of a kubeconfig file for the same.
	Kubeconfig string

	dir         string
	environment *envtest.Environment
	processes   []*process
}

// Start runs a control plane and returns once it answers (and, with Workloads,
// once its node is Ready). The caller stops it with Stop. It fails when a
// program is missing or does not come up within two minutes.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	if _, err := os.Stat(filepath.Join(deps.Bin(), "kube-apiserver")); err != nil {
		return nil, fmt.Errorf("the Kubernetes programs are not there: run `make deps` first (%w)", err)
	}
	dir, err := os.MkdirTemp("", "emissary-cluster-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, Kubeconfig: filepath.Join(dir, "kubeconfig")}
	if err := c.start(ctx, options); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// ForTest is Start for one test or benchmark, stopped when it ends. It skips
// when the programs are not there.
func ForTest(t testing.TB, options Options) *Cluster {
	t.Helper()
	deps.Kubernetes(t)
	c, err := Start(t.Context(), options)
	if err != nil {
		t.Fatalf("start the test cluster: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Errorf("stop the test cluster: %v", err)
		}
	})
	return c
}

// Stop ends every program that Start started and removes their files. It may
// be called more than once.
func (c *Cluster) Stop() error {
	var failures []error
	for i := len(c.processes) - 1; i >= 0; i-- {
		failures = append(failures, c.processes[i].stop())
	}
	c.processes = nil
	if c.environment != nil {
		failures = append(failures, c.environment.Stop())
		c.environment = nil
	}
	return errors.Join(append(failures, os.RemoveAll(c.dir))...)
}

func (c *Cluster) start(ctx context.Context, options Options) error {
	log.SetLogger(logr.Discard()) // envtest's; unset, it warns of that
	c.environment = &envtest.Environment{
		BinaryAssetsDirectory:    deps.Bin(),
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  30 * time.Second,
	}
	plane := &c.environment.ControlPlane
	plane.Etcd = &envtest.Etcd{}
	// Unset, it is the address of the default route, and without one (no network, a network namespace) there would be
	// no API server. Nobody reaches it there: clients use the address of Config.
	plane.GetAPIServer().Configure().Set("advertise-address", "192.0.2.1")
	if options.Log != nil {
		plane.Etcd.Out, plane.Etcd.Err = options.Log, options.Log
		plane.GetAPIServer().Out, plane.GetAPIServer().Err = options.Log, options.Log
	}

	config, err := c.environment.Start()
	if err != nil {
		return fmt.Errorf("start etcd and the API server: %w", err)
	}
	c.Config = config
	if err := os.WriteFile(c.Kubeconfig, c.environment.KubeConfig, 0o600); err != nil {
		return err
	}
	if options.Workloads {
		return c.startWorkloads(ctx, options.Log)
	}
	return nil
}

// User returns a kubeconfig for a user without rights of its own, for tests of
// forbidden requests. Bind roles to the name to give it some.
func (c *Cluster) User(name string, groups ...string) ([]byte, error) {
	user, err := c.environment.AddUser(envtest.User{Name: name, Groups: groups}, nil)
	if err != nil {
		return nil, fmt.Errorf("add user %q: %w", name, err)
	}
	return user.KubeConfig()
}
