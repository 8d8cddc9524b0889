package meter

import (
	"time"

	"github.com/gputally/gputally/collector/device"
)

// step is what the driver says of one GPU about the time between two
// observations. What is nil is unknown.
type step struct {
	d         time.Duration // to be charged
	reading   device.Reading
	busy      *float64           // ratio
	joules    *float64           // drawn since it was last known
	instances map[string]partial // MIG instances by UUID
	// unlisted is true if the processes aren't known this time, as they were before.
	unlisted bool
}

// partial is what a MIG instance did.
type partial struct {
	busy   *float64 // ratio of the instance's time
	memory *float64 // bytes
}
