package properties

import (
	"flag"
	"runtime/debug"
	"testing"
)

// Of is how often a package tries what it tries so often when there is time.
func Of(often int) int {
	if Often {
		return often
	}
	return often / 4
}

// Main is the TestMain of a package whose tests take long. Its properties are tried
// a hundred times when there is time; --rapid.checks says otherwise. Heaps of tests
// are small, so that by default a third of the processor time goes into collecting
// garbage.
func Main(m *testing.M) {
	if !Often {
		if checks := flag.Lookup("rapid.checks"); checks != nil {
			_ = checks.Value.Set("25") // it is a number
		}
		debug.SetGCPercent(400)
	}
	m.Run()
}
