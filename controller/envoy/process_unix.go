//go:build unix && !linux

package envoy

import "syscall"

// attributes puts Envoy into a process group of its own. Nothing here ends it
// when the controller is killed.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
