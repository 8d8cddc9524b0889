// Package webservertest is the contract that every HTTP server of ours keeps with
// its clients, as tests: see package webserver.
package webservertest
