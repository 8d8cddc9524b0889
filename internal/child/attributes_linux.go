package child

import "syscall"

// attributes give the child a process group of its own, so that a Ctrl-C in the
// terminal leaves it to Stop, and a signal for the day that this process dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
