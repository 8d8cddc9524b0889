package nvml

import (
	"errors"
	"log/slog"
	"time"
)

// Errors of Inventory, for errors.Is.
var (
	// ErrNoDriver means that the library or the driver is not there yet.
	// The next Inventory looks again.
	ErrNoDriver = errors.New("no NVIDIA driver")
	// ErrDriverChanged means that library and kernel driver differ in version.
	// It doesn't heal inside this process: end it and start another.
	ErrDriverChanged = errors.New("NVIDIA driver library and kernel driver differ in version")
	// ErrHangs means that the driver doesn't answer in time.
	ErrHangs = errors.New("driver call hangs")
	// ErrClosed means that the source was closed.
	ErrClosed = errors.New("NVML is closed")
	// ErrNotBuilt means that this binary can't talk to any driver.
	ErrNotBuilt = errors.New("built without NVML (cgo off)")
)

// DefaultCallTimeout is far above what a healthy driver needs for one GPU
// (milliseconds) and short enough that one stuck GPU costs few polls.
const DefaultCallTimeout = 2 * time.Second

// Config of a Source.
type Config struct {
	Logger *slog.Logger
	// LibraryPath is the file to load, "" for libnvidia-ml.so.1 on the loader's path.
	LibraryPath string
	// CallTimeout is how long Inventory waits for the driver as a whole and
	// then for its GPUs, which are read side by side: twice this in all.
	// 0 stands for DefaultCallTimeout.
	CallTimeout time.Duration
	// Now is the clock, for the time between two calls. It is used from several goroutines.
	Now func() time.Time

	// XID counts the errors that the driver reports of its GPUs. It keeps one
	// thread waiting for them.
	XID bool
	// The fields of Reading.Health to read. Each costs a driver call, the last
	// three together cost one.
	ECC, RowRemap, Throttle, NVLink, PCIe bool
}

func (c *Config) defaults() error {
	if c.Logger == nil || c.Now == nil {
		return errors.New("nvml: Logger and Now are required")
	}
	if c.CallTimeout < 0 {
		return errors.New("nvml: CallTimeout must not be negative")
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = DefaultCallTimeout
	}
	return nil
}
