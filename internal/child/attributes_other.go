//go:build !linux

package child

import "syscall"

// attributes adds to those of the command a process group of its own, so that a
// Ctrl-C in the terminal leaves the child to its parent. Only Linux can end it
// when this process dies.
func attributes(a *syscall.SysProcAttr) *syscall.SysProcAttr {
	if a == nil {
		a = &syscall.SysProcAttr{}
	}
	a.Setpgid = true
	return a
}
