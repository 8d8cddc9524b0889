//go:build !unix

package main

// requests gives nothing: there are no such signals here.
func requests() <-chan bool { return nil }
