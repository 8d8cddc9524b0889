// Package properties says how often tests try what they make up at random: seldom in
// go test ./..., which is for each change, and often with the build tag real, as make
// test has it.
package properties
