package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"terraform-provider-emissary/test/cluster"
	"terraform-provider-emissary/test/deps"
)

// demo holds what runs.
type demo struct {
	mine    bool
	dir     string
	cluster *cluster.Cluster

	kubeconfig string
	config     *rest.Config
	client     kubernetes.Interface
	objects    dynamic.Interface

	httpPort, httpsPort int
	authority           *authority
	backend             *backend
	node                *node
	terraform           *engine
}

func newDemo(mine bool) (*demo, error) {
	dir, err := os.MkdirTemp("", "emissary-demo-")
	if err != nil {
		return nil, err
	}
	return &demo{mine: mine, dir: dir, httpPort: freePort(8080), httpsPort: freePort(8443)}, nil
}

// prepare makes the world that a platform team already has: a cluster, a
// certificate, a web application.
func (d *demo) prepare(ctx context.Context) error {
	chapter("An empty cluster")
	if err := step(d.clusterTitle(), func() (string, error) { return d.connect(ctx) }); err != nil {
		return err
	}
	err := step("a certificate for *.wadexu.cloud in Secret secret/tls-secret", func() (note string, err error) {
		d.authority, err = newAuthority("*.wadexu.cloud")
		if err != nil {
			return "", err
		}
		return "", d.createSecret(ctx)
	})
	if err != nil {
		return err
	}
	return step("a web application behind Service nginx/my-nginx", func() (note string, err error) {
		d.backend, err = startBackend()
		if err != nil {
			return "", err
		}
		return "", d.createService(ctx)
	})
}

func (d *demo) clusterTitle() string {
	if d.mine {
		return "your cluster, by KUBECONFIG"
	}
	return "a throwaway Kubernetes control plane on loopback"
}

// connect starts the throwaway cluster, or finds the user's own.
func (d *demo) connect(ctx context.Context) (note string, err error) {
	if d.mine {
		loader := clientcmd.NewDefaultClientConfigLoadingRules()
		d.kubeconfig = os.Getenv(clientcmd.RecommendedConfigPathEnvVar)
		d.config, err = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(loader, nil).ClientConfig()
	} else {
		if d.cluster, err = d.startCluster(ctx); err != nil {
			return "", err
		}
		d.kubeconfig, d.config = d.cluster.Kubeconfig, d.cluster.Config
	}
	if err != nil {
		return "", err
	}
	if d.client, err = kubernetes.NewForConfig(d.config); err != nil {
		return "", err
	}
	if d.objects, err = dynamic.NewForConfig(d.config); err != nil {
		return "", err
	}
	version, err := d.client.Discovery().ServerVersion()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", d.config.Host, err)
	}
	return "Kubernetes " + version.GitVersion, nil
}

func (d *demo) startCluster(ctx context.Context) (*cluster.Cluster, error) {
	log, err := os.Create(filepath.Join(d.dir, "cluster.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	return cluster.Start(ctx, cluster.Options{Workloads: true, Log: log})
}

// ownClusterOverride changes the quickstart for the user's own cluster, whose
// nodes have no image of a controller that was just built: nothing waits for
// its pods or for a load balancer, everything waits for the controller that
// runs here.
const ownClusterOverride = `
resource "emissary_release" "ingress" {
  wait = false
}
resource "emissary_host" "dev" {
  wait = true
}
resource "emissary_mapping" "nginx" {
  wait = true
}
`

// install is the one apply.
func (d *demo) install(ctx context.Context) error {
	var err error
	d.node = startNode(ctx, d.client, d.config, d.dir, d.mine)
	if d.terraform, err = newEngine(d.dir, d.kubeconfig, map[string]string{
		"http_port":  strconv.Itoa(d.httpPort),
		"https_port": strconv.Itoa(d.httpsPort),
		"service":    d.backend.service(),
	}); err != nil {
		return err
	}
	if d.mine {
		if err := d.terraform.override(ownClusterOverride); err != nil {
			return err
		}
	}
	chapter("One apply: examples/quickstart")
	if err := step(d.terraform.name()+" init", func() (string, error) {
		_, err := d.terraform.run(ctx, "init", "-input=false")
		return "", err
	}); err != nil {
		return err
	}
	if err := step(d.terraform.name()+" plan", func() (string, error) {
		output, err := d.terraform.run(ctx, "plan", "-input=false")
		return lineWith(output, "Plan:"), err
	}); err != nil {
		return err
	}
	return step(d.terraform.name()+" apply", func() (string, error) {
		output, err := d.terraform.run(ctx, "apply", "-input=false", "-auto-approve")
		return lineWith(output, "Apply complete!"), err
	})
}

// remove destroys the installation and looks for what it left.
func (d *demo) remove(ctx context.Context) error {
	chapter("Gone again")
	if err := step(d.terraform.name()+" destroy", func() (string, error) {
		output, err := d.terraform.run(ctx, "destroy", "-input=false", "-auto-approve")
		return lineWith(output, "Destroy complete!"), err
	}); err != nil {
		return err
	}
	return step("nothing is left but the CRDs, which destroy keeps", func() (string, error) {
		return d.leftovers(ctx)
	})
}

// printHowToUse tells what KEEP=1 left running.
func (d *demo) printHowToUse() {
	chapter("Left running: Ctrl-C ends it")
	fmt.Printf(`  export KUBECONFIG=%s
  kubectl get hosts,mappings,listeners -A
  curl --cacert %s --resolve dev.wadexu.cloud:%d:127.0.0.1 https://dev.wadexu.cloud:%[3]d/hello
  cd %s   # the Terraform configuration: edit, then
  TF_CLI_CONFIG_FILE=%s %s apply
  tail -f %s
`, d.kubeconfig, d.authority.file(d.dir), d.httpsPort, d.terraform.dir, d.terraform.cliConfig, d.terraform.path, d.node.logFile)
}

// printLogs shows the end of what the programs said, for a step that failed.
func (d *demo) printLogs() {
	for _, name := range []string{"controller.log", "terraform.log"} {
		content, err := os.ReadFile(filepath.Join(d.dir, name))
		if err != nil || len(content) == 0 {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(content)), "\n")
		fmt.Fprintf(os.Stderr, "\nThe last lines of %s:\n%s\n", name, indent(strings.Join(lines[max(0, len(lines)-40):], "\n")))
	}
}

// close stops what still runs and removes the files.
func (d *demo) close() error {
	var failures []error
	if d.node != nil {
		d.node.stop()
	}
	if d.backend != nil {
		failures = append(failures, d.backend.close())
	}
	switch {
	case d.cluster != nil:
		failures = append(failures, d.cluster.Stop())
	case d.client != nil:
		failures = append(failures, d.deleteWorld())
	}
	return errors.Join(append(failures, os.RemoveAll(d.dir))...)
}

// lineWith returns the line of the output that holds the text.
func lineWith(output, text string) string {
	for line := range strings.Lines(output) {
		if strings.Contains(line, text) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// freePort returns the preferred port if nothing listens on it, else any free
// one.
func freePort(preferred int) int {
	for _, port := range []int{preferred, 0} {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			defer listener.Close()
			return portOf(listener)
		}
	}
	return preferred
}

// portOf returns the port that a TCP listener got.
func portOf(listener net.Listener) int {
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		panic(err) // a TCP listener's address has a port
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		panic(err)
	}
	return number
}

// providerBinary is what `make build` built: the provider, which is the
// controller too.
func providerBinary() (string, error) {
	path := filepath.Join(deps.Bin(), "terraform-provider-emissary")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("run `make build` first: %w", err)
	}
	return path, nil
}
