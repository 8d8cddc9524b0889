//go:build linux && cgo

package nvml

import (
	"fmt"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// maxGPUs is more than a node can have, and maxInstances more than MIG cuts a
// GPU into: a number above is not believed.
const (
	maxGPUs      = 1024
	maxInstances = 64
)

// driver is the library and whether it is initialized. It is used on its own
// lane only, so it needs no lock, and an initialization that outlasts the
// waiting still counts.
type driver struct {
	lib     nvml.Interface
	path    string
	cfg     Config
	up      bool
	inits   int // that no Shutdown followed: the library counts them
	session session
	xids    xids
}

// session is what holds from one initialization to the next.
type session struct {
	number int // counts initializations; handles live as long as a session
	lib    nvml.Interface
	has    symbols
	now    func() time.Time
	events *events // nil if none are wanted, or there are none
	fields []field // that are wanted
	ecc    bool    // whether they are wanted
	rows   bool    // whether they are wanted
	driver string
	cuda   string
	count  int // GPUs, now
}

// open initializes the library if it isn't and counts the GPUs.
func (d *driver) open() (session, error) {
	if !d.up {
		if ret := d.lib.Init(); ret != nvml.SUCCESS {
			return session{}, fmt.Errorf("ask NVML: %w", d.explain(ret))
		}
		d.up = true
		d.inits++
		d.begin()
	}
	count, ret := guard(d.session.has, fnCount, d.lib.DeviceGetCount)
	if ret != nvml.SUCCESS {
		if ret == nvml.ERROR_UNINITIALIZED || ret == nvml.ERROR_DRIVER_NOT_LOADED {
			d.up = false // the next call initializes again
			lost := ret == nvml.ERROR_UNINITIALIZED
			if lost {
				d.inits = 0
			}
			if e := d.session.events; e != nil {
				e.end(!lost)
			}
		}
		return session{}, fmt.Errorf("ask NVML: %w", d.explain(ret))
	}
	if count < 0 || count > maxGPUs {
		return session{}, fmt.Errorf("count GPUs: the driver says %d, more than a node can have", count)
	}
	d.session.count = count
	return d.session, nil
}

func (d *driver) begin() {
	has := lookup(d.lib)
	version, _ := guard(has, fnDriverVersion, d.lib.SystemGetDriverVersion)
	cuda, ret := guard(has, fnCUDAVersion2, d.lib.SystemGetCudaDriverVersion_v2)
	if ret != nvml.SUCCESS {
		cuda, ret = guard(has, fnCUDAVersion, d.lib.SystemGetCudaDriverVersion)
	}
	d.session = session{
		number: d.session.number + 1, lib: d.lib, has: has, now: d.cfg.Now, driver: version,
		fields: d.cfg.fields(), ecc: d.cfg.ECC, rows: d.cfg.RowRemap,
	}
	if ret == nvml.SUCCESS {
		d.session.cuda = fmt.Sprintf("%d.%d", cuda/1000, cuda%1000/10) // 13000 stands for 13.0
	}
	if d.cfg.XID {
		d.session.events = newEvents(d.lib, has, d.cfg, &d.xids)
	}
	d.cfg.Logger.Info("NVIDIA driver found", "driver", version, "cuda", d.session.cuda)
	if missing := has.missing(); len(missing) > 0 {
		d.cfg.Logger.Info("the NVIDIA driver lacks functions; what they measure stays unknown", "functions", missing)
	}
}

// release gives back what was lent in this session.
func (d *driver) release(p *past) {
	if d.inits > 0 && p.session == d.session.number {
		p.release()
	}
}

// close shuts the library down as often as it was initialized: it keeps its files
// open until then. After a failed initialization even the function for it may be
// absent.
func (d *driver) close() error {
	if d.up {
		d.up = false
		if e := d.session.events; e != nil {
			e.end(true)
		}
	}
	for ; d.inits > 0; d.inits-- {
		switch ret := d.lib.Shutdown(); ret {
		case nvml.SUCCESS:
		case nvml.ERROR_UNINITIALIZED: // it lost its initialization by itself
		default:
			return fmt.Errorf("shut NVML down: %w", ret)
		}
	}
	return nil
}

func (d *driver) explain(ret nvml.Return) error {
	switch ret {
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		return fmt.Errorf("%w: can't load %s: install the driver, or mount its library into the container", ErrNoDriver, d.path)
	case nvml.ERROR_DRIVER_NOT_LOADED:
		return fmt.Errorf("%w: the library is there, the kernel module is not loaded", ErrNoDriver)
	case nvml.ERROR_LIB_RM_VERSION_MISMATCH:
		return fmt.Errorf("%w: restart this process; if that doesn't help, reload the kernel module or reboot the node", ErrDriverChanged)
	case nvml.ERROR_NO_PERMISSION, nvml.ERROR_OPERATING_SYSTEM:
		return fmt.Errorf("%w: this process may not use /dev/nvidiactl and /dev/nvidia*: see that they are visible in the container", ret)
	default:
		return fmt.Errorf("driver error %d: %w: %s", int(ret), ret, adviceOther)
	}
}
