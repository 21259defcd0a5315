package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/bench/report"
	"terraform-provider-emissary/test/bench/testbed"
)

const (
	// parallelism is how many objects are written at a time: Terraform's default.
	parallelism = 10
	// starts is how often the provider is started.
	starts = 20
)

// provider measures the provider beside what it is compared with.
type provider struct {
	dir, kubectl string
	n            int
	plane        *testbed.Plane
	result       *report.Provider
	engines      []*engine
}

// engine has the configurations, each in a folder of its own.
type engine struct {
	name                          string
	offline, ours, theirs, itself *testbed.Terraform
}

// Provider plans, applies and refreshes n Mappings on an otherwise empty control plane, in turns with kubectl_manifest and
// kubectl, and starts the provider.
func Provider(ctx context.Context, dir string, plane *testbed.Plane, n, rounds int) (*report.Provider, error) {
	p := &provider{dir: dir, n: n, plane: plane, result: &report.Provider{N: n, Parallelism: parallelism}}
	if err := p.prepare(ctx); err != nil {
		return nil, err
	}
	for range rounds {
		for _, e := range p.engines {
			if err := errors.Join(p.plan(ctx, e), p.apply(ctx, e)); err != nil {
				return nil, err
			}
		}
		if err := errors.Join(p.kubectlApply(ctx), p.alone(ctx)); err != nil {
			return nil, err
		}
	}
	return p.result, p.start(ctx)
}

const (
	// offlineHost is where nothing listens: a plan must not need it.
	offlineHost = "  host = \"https://127.0.0.1:1\"\n"

	ourConfig = `terraform {
  required_providers {
    emissary = {
      source = "emissary/emissary"
    }
  }
}

provider "emissary" {
%s}

resource "emissary_mapping" "many" {
  count      = %d
  name       = "bench-${count.index}"
  namespace  = "default"
  hostname   = "*"
  prefix     = "/bench-${count.index}/"
  service    = "quote.default:80"
  timeout_ms = 4000
}
`
	theirConfig = `terraform {
  required_providers {
    kubectl = {
      source = "gavinbunney/kubectl"
    }
  }
}

provider "kubectl" {
  config_path = %q
}

resource "kubectl_manifest" "many" {
  count             = %d
  server_side_apply = true
  yaml_body         = <<-EOT
%sEOT
}
`
	engineConfig = `resource "terraform_data" "many" {
  count = %d
  input = {
    name       = "bench-${count.index}"
    namespace  = "default"
    hostname   = "*"
    prefix     = "/bench-${count.index}/"
    service    = "quote.default:80"
    timeout_ms = 4000
  }
}
`
	manifest = `apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata:
  name: bench-%[1]s
  namespace: default
spec:
  hostname: "*"
  prefix: /bench-%[1]s/
  service: quote.default:80
  timeout_ms: 4000
`
)

// prepare writes configurations and manifests. What cannot be compared is noted.
func (p *provider) prepare(ctx context.Context) (err error) {
	paths, err := testbed.Engines()
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := p.prepareEngine(ctx, path); err != nil {
			return err
		}
	}
	if p.kubectl, err = testbed.Peer("kubectl"); err != nil {
		p.result.Failures = append(p.result.Failures, err.Error())
		return nil
	}
	parts := make([]strings.Builder, parallelism)
	for i := range p.n {
		fmt.Fprintf(&parts[i%parallelism], "---\n"+manifest, fmt.Sprint(i))
	}
	for i := range parts {
		if err := os.WriteFile(p.part(i), []byte(parts[i].String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (p *provider) prepareEngine(ctx context.Context, path string) error {
	e := &engine{}
	var err0, err1, err2, err3, err4 error
	e.name, err0 = testbed.EngineVersion(ctx, path)
	e.offline, err1 = testbed.NewTerraform(p.dir, path, fmt.Sprintf(ourConfig, offlineHost, p.n))
	e.ours, err2 = testbed.NewTerraform(p.dir, path, fmt.Sprintf(ourConfig, fmt.Sprintf("  config_path = %q\n", p.plane.Kubeconfig), p.n))
	e.itself, err3 = testbed.NewTerraform(p.dir, path, fmt.Sprintf(engineConfig, p.n))
	if _, err := testbed.Peer("terraform-provider-kubectl"); err != nil {
		p.result.Failures = append(p.result.Failures, err.Error())
	} else {
		e.theirs, err4 = testbed.NewTerraform(p.dir, path, fmt.Sprintf(theirConfig, p.plane.Kubeconfig, p.n, fmt.Sprintf(manifest, "${count.index}")))
	}
	if err := errors.Join(err0, err1, err2, err3, err4); err != nil {
		return err
	}
	p.engines, p.result.Engines = append(p.engines, e), append(p.result.Engines, e.name)
	_, err := e.itself.Run(ctx, "init")
	return err
}

// part is the file with one of the parts of the manifests.
func (p *provider) part(i int) string { return filepath.Join(p.dir, fmt.Sprintf("part-%d.yaml", i)) }

func (p *provider) add(what, with, engine string, cost testbed.Cost) {
	p.result.Add(what, with, engine, cost.Wall.Seconds(), cost.CPU.Seconds())
}

// plan plans everything anew, without a cluster where that is possible.
func (p *provider) plan(ctx context.Context, e *engine) error {
	for _, one := range []struct {
		with      string
		terraform *testbed.Terraform
	}{{report.WithEngine, e.itself}, {report.WithProvider, e.offline}, {report.WithKubectlManifest, e.theirs}} {
		if one.terraform == nil {
			continue
		}
		cost, err := one.terraform.Run(ctx, "plan", "-out=new")
		if err != nil {
			return err
		}
		p.add(report.OpPlan, one.with, e.name, cost)
	}
	return nil
}

// apply applies a saved plan, refreshes, and takes everything away again.
func (p *provider) apply(ctx context.Context, e *engine) error {
	if _, err := e.ours.Run(ctx, "plan", "-out=saved"); err != nil {
		return err
	}
	cost, err := e.ours.Run(ctx, "apply", fmt.Sprintf("-parallelism=%d", parallelism), "saved")
	if err != nil {
		return err
	}
	p.add(report.OpApply, report.WithProvider, e.name, cost)
	if cost, err = e.ours.Run(ctx, "plan", "-refresh-only"); err != nil {
		return err
	}
	p.add(report.OpRefresh, report.WithProvider, e.name, cost)
	return errors.Join(e.ours.Forget(), p.clear(ctx))
}

// kubectlApply applies the manifests with as many kubectls as objects are to be written at a time.
func (p *provider) kubectlApply(ctx context.Context) error {
	if p.kubectl == "" {
		return nil
	}
	costs := make([]testbed.Cost, parallelism)
	environment := []string{"KUBECONFIG=" + p.plane.Kubeconfig, "HOME=" + p.dir}
	began := time.Now()
	failures := make([]error, parallelism)
	var all sync.WaitGroup
	for i := range costs {
		all.Go(func() {
			costs[i], failures[i] = testbed.Run(ctx, p.dir, environment, p.kubectl, "apply", "--server-side", "-f", p.part(i))
		})
	}
	all.Wait()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	sum := testbed.Cost{Wall: time.Since(began)}
	for _, cost := range costs {
		sum.CPU += cost.CPU
	}
	p.add(report.OpApply, report.WithKubectl, "", sum)
	return p.clear(ctx)
}

// clear deletes all Mappings.
func (p *provider) clear(ctx context.Context) error {
	return p.plane.Objects.DeleteAllOf(ctx, &v3alpha1.Mapping{}, client.InNamespace("default"))
}

// start starts the provider again and again.
func (p *provider) start(ctx context.Context) error {
	binary, err := testbed.Binary()
	if err != nil {
		return err
	}
	for range starts {
		cost, err := testbed.StartPlugin(ctx, binary)
		if err != nil {
			return err
		}
		p.add(report.OpStart, report.WithProvider, "", cost)
	}
	return nil
}
