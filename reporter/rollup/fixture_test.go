package rollup_test

import (
	"github.com/gputally/gputally/reporter/rollup/rolluptest"
)

const (
	h100 = rolluptest.H100
	t4   = rolluptest.T4
)

// The fleet of rolluptest, in short.
var (
	start    = rolluptest.Start()
	spec     = rolluptest.Spec
	book     = rolluptest.Book
	projects = rolluptest.Projects
	held     = rolluptest.Held
	other    = rolluptest.Other
	hour     = rolluptest.Hour
	fleet    = rolluptest.Fleet
	roll     = rolluptest.Roll
)
