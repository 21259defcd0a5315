//go:build !unix

package envoy

import "syscall"

// attributes has nothing to ask for: Envoy does not run on these systems, only
// the plugin that shares the binary does.
func attributes() *syscall.SysProcAttr { return nil }
