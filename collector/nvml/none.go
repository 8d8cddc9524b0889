//go:build !(linux && cgo)

package nvml

import (
	"context"

	"github.com/gputally/gputally/collector/device"
)

// Source stands in for NVML where it can't be linked.
type Source struct{}

// New checks the configuration, as it does where NVML is built in.
func New(cfg Config) (*Source, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	return &Source{}, nil
}

// Inventory returns ErrNotBuilt.
func (*Source) Inventory(context.Context) (device.Inventory, error) {
	return device.Inventory{}, ErrNotBuilt
}

// Close does nothing.
func (*Source) Close() error { return nil }

// Release does nothing.
func (*Source) Release() {}

// Resume does nothing.
func (*Source) Resume() {}
