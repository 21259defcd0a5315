package envoy

import "syscall"

// attributes puts Envoy into a process group of its own and has the kernel kill
// it when the thread that started it ends, which is when the controller does.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
