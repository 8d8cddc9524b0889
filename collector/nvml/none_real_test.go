//go:build real && linux && !cgo

package nvml_test

import "testing"

func TestTheDriverIsTested(t *testing.T) {
	t.Fatal("built without cgo, so nothing was tested against a driver library: install a C compiler and don't set CGO_ENABLED=0")
}
