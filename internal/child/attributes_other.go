//go:build !linux

package child

import "syscall"

// attributes give the child a process group of its own, so that a Ctrl-C in the
// terminal leaves it to Stop. Only Linux can end it when this process dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
