// Command behaviour runs behaviour cases against the controller and a real Envoy.
//
//	go run ./test/behaviour/cmd/behaviour [-run regexp] [-parallel n] [-loopback] [-v] FOLDER
//
// It prints one line for each case, what failed in detail, and a last line "N passed, N failed". The exit
// status is 1 when a case failed. A case that the folder's pending.yaml lists does not count until it passes;
// then it must leave the list. BINARY names a built provider, ENVOY an Envoy; otherwise they are those
// that make builds and installs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"

	"terraform-provider-emissary/test/behaviour/isolation"
	"terraform-provider-emissary/test/behaviour/runner"
	"terraform-provider-emissary/test/behaviour/spec"
	"terraform-provider-emissary/test/deps"
)

func main() {
	runner.Init()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	failed, err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "behaviour:", err)
	}
	if failed > 0 || err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context) (failed int, err error) {
	pattern := flag.String("run", "", "run only the cases whose name matches this `regexp`")
	parallel := flag.Int("parallel", 2, "run this `many` cases at a time, 1 to 64")
	loopback := flag.Bool("loopback", false, "use this machine's loopback addresses even where namespaces work")
	verbose := flag.Bool("v", false, "show every probe and the controller's log")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: behaviour [-run regexp] [-parallel n] [-loopback] [-v] FOLDER")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 || *parallel < 1 || *parallel > 64 {
		flag.Usage()
		return 0, fmt.Errorf("want one folder of cases, and -parallel from 1 to 64")
	}
	dirs, err := selected(flag.Arg(0), *pattern)
	if err != nil {
		return 0, err
	}
	envoy, err := deps.EnvoyPath()
	if err != nil {
		return 0, err
	}
	options, notice, cleanup, err := runner.Prepare(ctx, envoy)
	if err != nil {
		return 0, err
	}
	defer cleanup()
	if notice != "" {
		fmt.Fprintln(os.Stderr, "behaviour:", notice)
	}
	if *loopback {
		options.Isolation = isolation.Loopback
	}
	pending, err := spec.Pending(flag.Arg(0))
	if err != nil {
		return 0, err
	}
	passed := 0
	runner.Run(ctx, options, dirs, *parallel, func(r *runner.Result) {
		reason := pending[r.Name]
		switch {
		case r.Passed() && reason != "":
			failed++
			fmt.Printf("FAIL %s (passes now: take it off pending.yaml)\n", r.Name)
			return
		case r.Passed():
			passed++
		case reason != "" && !*verbose:
			fmt.Printf("pending %s (%s)\n", r.Name, reason)
			return
		case reason == "" && r.Skipped == "":
			failed++
		}
		runner.Report(os.Stdout, r, *verbose)
	})
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	return failed, nil
}

// selected lists the case folders whose name matches.
func selected(root, pattern string) ([]string, error) {
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	dirs, err := spec.List(root)
	if err != nil {
		return nil, err
	}
	dirs = slices.DeleteFunc(dirs, func(dir string) bool { return !expression.MatchString(filepath.Base(dir)) })
	if len(dirs) == 0 {
		return nil, fmt.Errorf("no case in %s matches -run %q", root, pattern)
	}
	return dirs, nil
}
