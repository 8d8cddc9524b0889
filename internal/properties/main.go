package properties

import (
	"flag"
	"testing"
)

// Of is how often a package tries what it tries so often when there is time.
func Of(often int) int {
	if Often {
		return often
	}
	return often / 4
}

// Main is the TestMain of a package whose properties take long: they are tried a
// hundred times when there is time. --rapid.checks says otherwise.
func Main(m *testing.M) {
	if !Often {
		if err := flag.Set("rapid.checks", "25"); err != nil {
			panic(err) // the package has no properties
		}
	}
	m.Run()
}
