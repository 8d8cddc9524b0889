//go:build linux && cgo

package nvml

import (
	"context"
	"fmt"

	"github.com/gputally/gputally/collector/device"
)

// Release asks the source to give back all that it has of the driver, so that the
// kernel module can be unloaded. The next Inventory does, and says so with
// device.ErrReleased; while a driver call hangs it tries each time. The library's
// file stays mapped into the process, which holds no module.
func (s *Source) Release() { s.released.Store(true) }

// Resume takes the driver up again after Release, with the next Inventory.
func (s *Source) Resume() { s.released.Store(false) }

func (s *Source) release(ctx context.Context) error {
	if err := s.shut(ctx); err != nil {
		return fmt.Errorf("release NVML: %w", hung(err))
	}
	return device.ErrReleased
}

// Close shuts NVML down if it was initialized. While a call hangs the library
// is left as it is, since to shut it down would hang as well.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.shut(context.Background()); err != nil {
		return fmt.Errorf("leave NVML open: %w", err)
	}
	return nil
}

// shut shuts NVML down if it was initialized, unless a call is out.
func (s *Source) shut(ctx context.Context) error {
	for _, t := range s.slots {
		if !t.lane.claim() {
			return ErrHangs
		}
		defer t.lane.free()
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	err, hung := through(ctx, s.lane, func() error {
		for _, t := range s.slots {
			s.driver.release(&t.past)
		}
		return s.driver.close()
	})
	if hung != nil {
		return hung
	}
	return err
}
