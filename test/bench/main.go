// Command bench measures the product end to end and holds the figures against their goals: the real controller, the real
// Envoy, a real API server, all on this machine.
//
// `make bench` runs it. It works in a network of its own, in which every address is local, so that nothing it starts can
// be reached from outside and Services have the addresses that the API server gives them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"terraform-provider-emissary/test/behaviour/isolation"
	"terraform-provider-emissary/test/deps"
)

// insideVariable marks the process that runs in the network of its own.
const insideVariable = "BENCH_INSIDE"

func main() {
	isolation.Init()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	p, out, err := parse(os.Args[1:])
	if err != nil {
		return err
	}
	if os.Getenv(insideVariable) == "" {
		return isolate(ctx)
	}
	if err := enter(); err != nil {
		return err
	}
	results, err := p.run(ctx)
	if err != nil {
		return err
	}
	if err := results.Write(out); err != nil {
		return err
	}
	fmt.Print(results.Summary())
	fmt.Printf("\nwritten to %s\n", out)
	if len(results.Failures) > 0 {
		return fmt.Errorf("not everything could be measured:\n%s", strings.Join(results.Failures, "\n"))
	}
	return nil
}

// parse reads the command line. Figures of part of the plan are not put in the place of those of the whole.
func parse(arguments []string) (p plan, out string, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	scenarios := flags.String("scenario", strings.Join(allScenarios, ","), "run only these `scenarios`, separated by commas")
	sizes := flags.String("n", "", "the `numbers` of Mappings, separated by commas (default 100,1000,3000,10000)")
	quick := flags.Bool("quick", false, "run everything small: it shows that the benchmarks work, not what they measure")
	flags.StringVar(&out, "out", "", "the `folder` to write to (default docs/benchmarks for a whole run, else .cache/benchmarks)")
	if err := flags.Parse(arguments); err != nil {
		return plan{}, "", err
	}
	p = wholePlan()
	if *quick {
		p = quickPlan()
	}
	// The provider has a page of its own.
	whole := !*quick && *sizes == "" && (*scenarios == strings.Join(allScenarios, ",") || *scenarios == provider)
	p.scenarios = strings.Split(*scenarios, ",")
	for _, name := range p.scenarios {
		if !slices.Contains(allScenarios, name) {
			return plan{}, "", fmt.Errorf("there is no scenario %q: choose from %s", name, strings.Join(allScenarios, ", "))
		}
	}
	if *sizes != "" {
		p.sizes = nil
		for text := range strings.SplitSeq(*sizes, ",") {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > 50000 {
				return plan{}, "", fmt.Errorf("-n %q: want whole numbers from 1 to 50000, separated by commas", *sizes)
			}
			p.sizes = append(p.sizes, n)
		}
		slices.Sort(p.sizes)
		p.planned = p.sizes[len(p.sizes)-1]
	}
	switch {
	case out != "":
	case whole:
		out = filepath.Join(deps.Root(), "docs", "benchmarks")
	default:
		out = filepath.Join(deps.Root(), ".cache", "benchmarks")
	}
	return p, out, nil
}

// isolate runs this program again in namespaces of its own. When it ends, whatever way, so does all it started.
func isolate(ctx context.Context) error {
	if mode, err := isolation.Detect(ctx); mode != isolation.Namespaces {
		return fmt.Errorf("the benchmarks need Linux and a network namespace: %w", err)
	}
	child, err := isolation.Child(ctx, isolation.Namespaces, insideVariable+"=1")
	if err != nil {
		return err
	}
	child.Args = append(child.Args, os.Args[1:]...)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.SysProcAttr.Pdeathsig = syscall.SIGKILL
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) } // it stops what it started
	child.WaitDelay = time.Minute
	err = child.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		os.Exit(1) // it has said why
	}
	return err
}

// enter furnishes the namespaces: the addresses, and /proc with the numbers that processes have here.
func enter() error {
	if err := isolation.Enter(nil); err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}
