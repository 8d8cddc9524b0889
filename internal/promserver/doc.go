// Package promserver runs a real Prometheus as a child process: for the demo,
// and for tests, which should meet the server that users have.
package promserver
