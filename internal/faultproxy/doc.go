// Package faultproxy stands between a client and a real server, for tests, and
// plays faults: those of a network, such as a connection that is reset or that
// stalls in the middle of a body, and those of a server or of another proxy, such
// as an answer that is an error or has other bytes.
//
// A Fault picks its requests, so that a test can break the one that matters and
// let all others through. A fault that begins after the server has done what was
// asked, such as LoseAnswer, is as easy as one that begins before.
package faultproxy
