//go:build linux && cgo

package nvml

import (
	"errors"
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/gputally/gputally/collector/device"
)

// What to do about a GPU, or a driver, that does not answer.
const (
	adviceLost  = "look for Xid in the kernel's log and reboot the node; if it is lost again, have the card looked at"
	adviceReset = "drain the node and run nvidia-smi --gpu-reset there, or reboot it"
	adviceHang  = "if it lasts, look for NVRM and hung tasks in the kernel's log; a reboot is the usual cure"
	adviceOther = "see whether nvidia-smi on the host can read it: if it can, the container has lost its device files, so delete this pod; else look for NVRM in the kernel's log"
)

var errNameless = errors.New("the driver gives it an empty UUID")

// down says why a GPU doesn't answer and what to do, in the words of Reading.Reason.
func down(ret nvml.Return) error {
	switch ret {
	case nvml.ERROR_GPU_IS_LOST:
		return fmt.Errorf("lost: %w: %s", ret, adviceLost)
	case nvml.ERROR_RESET_REQUIRED:
		return fmt.Errorf("reset required: %w: %s", ret, adviceReset)
	default:
		return fmt.Errorf("driver error %d: %w: %s", int(ret), ret, adviceOther)
	}
}

// hung adds what to do to the error of a call that does not return.
func hung(err error) error {
	if errors.Is(err, ErrHangs) {
		return fmt.Errorf("%w: %s", err, adviceHang)
	}
	return err
}

// curable is true for a failure of a GPU that another process might not meet: the
// card itself is not known to be at fault.
func curable(err error) bool {
	return err != nil && !errors.Is(err, nvml.ERROR_GPU_IS_LOST) && !errors.Is(err, nvml.ERROR_RESET_REQUIRED) && !errors.Is(err, ErrHangs)
}

// mute returns why the GPU counts as down though it says who it is: whatever it
// is asked to measure fails. SUCCESS if it is not so, or if the GPU can't measure
// anything and never did.
func (q *query) mute(r device.Reading) nvml.Return {
	for _, v := range []*float64{r.Utilization, r.MemoryUsed, r.Power, r.Temperature, r.Energy, r.SM, r.Tensor, r.DRAM} {
		if v != nil {
			q.past.measured = true
			return nvml.SUCCESS
		}
	}
	switch {
	case q.dead != nvml.SUCCESS:
		return q.dead
	case !unsupported(q.failure):
		return q.failure
	case q.past.measured:
		return q.failure
	default:
		return nvml.SUCCESS
	}
}
