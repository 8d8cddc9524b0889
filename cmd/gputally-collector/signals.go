//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// requests gives true for each SIGUSR1, which asks to release the driver, and false
// for each SIGUSR2, which asks to resume it.
func requests() <-chan bool {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	release := make(chan bool)
	go func() {
		for s := range signals {
			release <- s == syscall.SIGUSR1
		}
	}()
	return release
}
