//go:build !(linux && cgo)

package nvml_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/nvml"
)

var _ device.Source = (*nvml.Source)(nil)

func TestWithoutNVMLTheErrorSaysSo(t *testing.T) {
	t.Parallel()
	s, err := nvml.New(nvml.Config{Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Inventory(t.Context()); !errors.Is(err, nvml.ErrNotBuilt) {
		t.Errorf("got %v, want ErrNotBuilt", err)
	}
}
