package runner

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"terraform-provider-emissary/test/behaviour/backend"
	"terraform-provider-emissary/test/behaviour/isolation"
	"terraform-provider-emissary/test/behaviour/probe"
	"terraform-provider-emissary/test/behaviour/services"
	"terraform-provider-emissary/test/behaviour/spec"
)

// taskVariable carries a task to the process that runs it.
const taskVariable = "BEHAVIOUR_TASK"

// task is one case and all that is needed to run it.
type task struct {
	Options
	Dir  string
	Slot int
	// Scratch is an empty folder for whatever the case needs.
	Scratch string
}

// Init must be called first thing in main (and in TestMain). In a process that was started to run one case
// it runs that case, writes the result to standard output, and does not return.
func Init() {
	isolation.Init()
	text := os.Getenv(taskVariable)
	if text == "" {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the process that started this one
		cancel()
	}()
	var t task
	err := json.Unmarshal([]byte(text), &t)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(t.run(ctx))
	}
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// The second byte of a slot's loopback addresses starts here: 127.64.0.0/16 is the first slot's.
const firstSlot = 64

// gateway is where Envoy listens: the first address of the case's own machine, or one of the slot's.
func (t *task) gateway() netip.Addr {
	if t.Isolation == isolation.Namespaces {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.AddrFrom4([4]byte{127, byte(firstSlot + t.Slot), 0, 2})
}

// health is where the controller's own pages are served: not at 127.0.0.1, where a backend stands in for
// them.
func (t *task) health() netip.Addr {
	gateway := t.gateway().As4()
	return netip.AddrFrom4([4]byte{127, gateway[1], 0, 3})
}

// addresses is where Services live in this slot.
func (t *task) addresses() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, byte(firstSlot + t.Slot), 128, 0}), 17)
}

// run builds the world around the case, starts the controller in it, and sends the probes.
func (t *task) run(ctx context.Context) *Result {
	result := &Result{}
	if err := t.runInto(ctx, result); err != nil {
		result.Error = err.Error()
	}
	return result
}

func (t *task) runInto(ctx context.Context, result *Result) error {
	c, err := spec.Read(t.Dir)
	if err != nil {
		return err
	}
	result.Name = c.Name
	ports, err := t.ports()
	if err != nil {
		return err
	}
	plan, err := services.New(c, services.Options{
		Range: t.addresses(), Literal: t.Isolation == isolation.Namespaces, HealthPort: ports.health,
		IPv6: t.Isolation == isolation.Namespaces && isolation.HasIPv6(),
	})
	if err != nil {
		return err
	}
	if t.Isolation == isolation.Namespaces {
		if err := isolation.Enter(plan.Names); err != nil {
			return err
		}
	} else if len(plan.Outside) > 0 {
		result.Skipped = "names outside the cluster (" + strings.Join(plan.Outside, ", ") + ") resolve only in namespaces"
		return nil
	}
	backends, err := backend.Start(plan.Backends)
	if err != nil {
		return withAdvice(err)
	}
	defer backends.Close()
	certificate, err := clientCertificate(c)
	if err != nil {
		return err
	}
	controller, err := startController(ctx, t, c, plan.Steps[0], ports)
	if err != nil {
		return err
	}
	defer func() { result.Log = controller.stop() }()
	if err := controller.awaitReady(ctx); err != nil {
		return err
	}
	session := &session{
		client:     &probe.Client{Gateway: controller.gateway, Certificate: certificate},
		controller: controller,
		journal:    backends.Journal(),
		plan:       plan,
		namespace:  c.Namespace(),
	}
	result.Probes = session.first(ctx, c.Steps[0].Probes)
	for i := 1; i < len(c.Steps); i++ {
		if err := writeObjects(controller.manifests, plan.Steps[i]); err != nil {
			return err
		}
		result.Probes = append(result.Probes, session.later(ctx, i+1, c.Steps[i].Probes)...)
	}
	return nil
}

// clientCertificate is the one that client_cert probes present; nil if the cases have none.
func clientCertificate(c *spec.Case) (*tls.Certificate, error) {
	certificate, key := c.Certificates["client.crt"], c.Certificates["client.key"]
	if certificate == nil || key == nil {
		return nil, nil
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("certs.yaml: client.crt and client.key: %w", err)
	}
	return &pair, nil
}

// withAdvice says what to do about a port that cannot be bound.
func withAdvice(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w: without network namespaces, ports below 1024 need root or "+
			"sysctl net.ipv4.ip_unprivileged_port_start=0", err)
	}
	return err
}
