// Command demo is the product's main job, end to end and nothing faked: it
// starts a throwaway Kubernetes control plane, applies examples/quickstart with
// the real Terraform, runs the controller and its Envoy as the Deployment says,
// and asks for https://dev.wadexu.cloud/ as a visitor would.
//
// `make demo` runs it. Environment:
//
//	KEEP=1        leave everything running until Ctrl-C, and print how to use it
//	CLUSTER=mine  use the cluster of KUBECONFIG instead of a throwaway one
//	TERRAFORM     the Terraform or OpenTofu binary to use
//	ENVOY         the Envoy binary to use
//
// It exits non-zero as soon as a step does not do what it should, and cleans up
// in any case.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

// run plays the demo and undoes what it made.
func run(ctx context.Context) (err error) {
	d, err := newDemo(os.Getenv("CLUSTER") == "mine")
	if err != nil {
		return err
	}
	defer func() {
		switch {
		case err != nil && ctx.Err() != nil:
			err = errors.New("interrupted; everything that was started is stopped")
		case err != nil:
			d.printLogs()
		}
		if closeErr := d.close(); err == nil {
			err = closeErr
		}
	}()

	if err := d.prepare(ctx); err != nil {
		return err
	}
	if err := d.install(ctx); err != nil {
		return err
	}
	if err := d.visit(ctx); err != nil {
		return err
	}
	if err := d.change(ctx); err != nil {
		return err
	}
	if os.Getenv("KEEP") != "" {
		d.printHowToUse()
		<-ctx.Done()
		// Ctrl-C ended the visit, not the demo: a second one does.
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
	}
	return d.remove(ctx)
}
