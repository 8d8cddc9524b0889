package child

import "syscall"

// attributes adds to those of the command a process group of its own, so that a
// Ctrl-C in the terminal leaves the child to its parent, and a signal for the day
// that this process dies.
func attributes(a *syscall.SysProcAttr) *syscall.SysProcAttr {
	if a == nil {
		a = &syscall.SysProcAttr{}
	}
	a.Setpgid = true
	a.Pdeathsig = syscall.SIGTERM
	return a
}
