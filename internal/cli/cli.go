// Package cli is the command tree of the binary: thin commands that read flags and environment and call the packages
// that do the work.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Build is what is known about the binary when it is built.
type Build struct {
	// Version is the product's.
	Version string
	// Address is where Terraform finds the provider.
	Address string
}

// Main runs the command the arguments name and returns the exit status.
func Main(build Build, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(build)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	status := &exitError{status: 1, err: err}
	errors.As(err, &status)
	if status.err != nil {
		fmt.Fprintln(os.Stderr, "Error:", status.err)
	}
	return status.status
}

// exitError ends the program with a status of its own. Without an error in it there is nothing left to say.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

// badInput marks an error as the caller's, where a command tells it from other failures.
func badInput(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{status: 2, err: err}
}

func newRoot(build Build) *cobra.Command {
	var debug bool
	root := &cobra.Command{
		Use:   "terraform-provider-emissary",
		Short: "An Emissary-compatible ingress: Terraform provider, controller and tools in one binary",
		Long: "Without a command this is a Terraform plugin: Terraform starts it.\n" +
			"With one it is the controller that runs in the cluster, or a tool around it.",
		Args:              cobra.NoArgs,
		SilenceErrors:     true, // Main prints them
		SilenceUsage:      true, // a failure of the work is no misuse of the command
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE: func(*cobra.Command, []string) error {
			return servePlugin(build, debug)
		},
	}
	root.Flags().BoolVar(&debug, "debug", false, "serve the plugin for a debugger: print TF_REATTACH_PROVIDERS and wait")
	root.AddCommand(newController(), newCompile(), newExplain(), newConvert(), newVersion(build))
	return root
}
