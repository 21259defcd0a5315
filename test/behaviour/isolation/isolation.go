// Package isolation gives each behaviour case a network of its own, so that cases run side by side with
// the ports and addresses they name, and without root.
//
// A case runs in a child process in new network, mount and process namespaces (and a user namespace where
// the caller is not root). Inside, every IP address is local, host names resolve as the case wants, and
// when the child ends nothing of it is left. Where the kernel refuses namespaces, the child runs on the
// machine's loopback addresses instead.
package isolation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// Mode is how a case is kept apart from the others.
type Mode string

const (
	// Namespaces is a network of its own.
	Namespaces Mode = "namespaces"
	// Loopback is a range of the machine's own loopback addresses.
	Loopback Mode = "loopback"
)

// probeVariable marks the child that only tries whether namespaces work.
const probeVariable = "BEHAVIOUR_ISOLATION_PROBE"

// Detect returns Namespaces where this machine allows them, and otherwise Loopback with the reason.
//
// The calling program must call Init first thing in main.
func Detect(ctx context.Context) (Mode, error) {
	child, err := Child(ctx, Namespaces, probeVariable+"=1")
	if err != nil {
		return Loopback, err
	}
	if out, err := child.CombinedOutput(); err != nil {
		return Loopback, fmt.Errorf("no network namespace: %w %s", err, out)
	}
	return Namespaces, nil
}

// Init ends the process when it was started by Detect.
func Init() {
	if os.Getenv(probeVariable) == "" {
		return
	}
	if err := Enter(nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// HasIPv6 tells whether this machine speaks IPv6 at all.
func HasIPv6() bool {
	_, err := os.Stat("/proc/net/if_inet6")
	return err == nil
}

// Child prepares this same program to run in the given mode, with env added to its environment.
func Child(ctx context.Context, mode Mode, env ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	child := exec.CommandContext(ctx, self)
	child.Env = append(os.Environ(), env...)
	if mode == Namespaces {
		if child.SysProcAttr = namespaces(); child.SysProcAttr == nil {
			return nil, errors.New("namespaces are a Linux feature")
		}
	}
	return child, nil
}
