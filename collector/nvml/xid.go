//go:build linux && cgo

package nvml

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/gputally/gputally/collector/device"
)

const (
	// eventWait is how long the driver is asked to wait for an event: as long
	// as it may take to stop watching.
	eventWait = 250 * time.Millisecond
	// eventPause follows a wait that failed, since the next one may fail at once.
	eventPause = time.Second
)

// xids counts the errors that the driver reported, over all sessions.
type xids struct {
	mu    sync.Mutex
	count map[string]map[uint64]uint64 // by UUID, then by code; a GPU that is watched is in it
}

// watch begins to count for a GPU.
func (x *xids) watch(uuid string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.codes(uuid)
}

func (x *xids) codes(uuid string) map[uint64]uint64 {
	if x.count == nil {
		x.count = map[string]map[uint64]uint64{}
	}
	if x.count[uuid] == nil {
		x.count[uuid] = map[uint64]uint64{}
	}
	return x.count[uuid]
}

// add returns how many there are now.
func (x *xids) add(uuid string, code uint64) uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	codes := x.codes(uuid)
	codes[code]++
	return codes[code]
}

// of lists what was counted for a GPU, nil if it never was watched.
func (x *xids) of(uuid string) []device.XID {
	x.mu.Lock()
	defer x.mu.Unlock()
	codes, watched := x.count[uuid]
	if !watched {
		return nil
	}
	list := make([]device.XID, 0, len(codes))
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		list = append(list, device.XID{Code: code, Count: codes[code]})
	}
	return list
}

// events is a session's set of events, with a goroutine that waits for them.
type events struct {
	set   nvml.EventSet
	wait  time.Duration
	log   *slog.Logger
	xids  *xids
	any   atomic.Bool // whether a GPU has events
	begin sync.Once
	mute  sync.Once     // logs that a GPU has no events
	quit  chan bool     // true: give the set back
	ended chan struct{} // closed when nobody waits

	mu    sync.Mutex
	uuids map[nvml.Device]string // of the GPUs in the set
}

// newEvents makes a set, or says that the driver has none and returns nil.
func newEvents(lib nvml.Interface, has symbols, cfg Config, x *xids) *events {
	ret, set := nvml.ERROR_FUNCTION_NOT_FOUND, nvml.EventSet(nil)
	if has[fnEventFree] && has[fnEventWait] && has[fnEventRegister] {
		set, ret = guard(has, fnEventSet, lib.EventSetCreate)
	}
	if ret != nvml.SUCCESS {
		cfg.Logger.Warn("the NVIDIA driver doesn't report errors (XIDs) of its GPUs; they are not counted", "err", ret)
		return nil
	}
	return &events{
		set: set, wait: min(eventWait, cfg.CallTimeout/2), log: cfg.Logger, xids: x,
		quit: make(chan bool, 1), ended: make(chan struct{}), uuids: map[nvml.Device]string{},
	}
}

// watch asks for the errors of a GPU, once in a session.
func (q *query) watch(h nvml.Device) {
	e, uuid := q.events, q.past.uuid
	if e == nil || q.past.watched {
		return
	}
	e.know(h, uuid) // before the first event
	_, ret := call(q, fnEventRegister, func() (struct{}, nvml.Return) {
		return struct{}{}, h.RegisterEvents(nvml.EventTypeXidCriticalError, e.set)
	})
	if q.dead != nvml.SUCCESS {
		return // it is asked again when it is back
	}
	q.past.watched = true // or can't be
	if ret != nvml.SUCCESS {
		e.mute.Do(func() {
			e.log.Warn("a GPU's errors (XIDs) can't be watched; they are not counted", "uuid", uuid, "err", ret)
		})
		return
	}
	e.xids.watch(uuid)
	e.any.Store(true)
}

func (e *events) know(h nvml.Device, uuid string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.uuids[h] = uuid
}

// start waits for events from now on if any GPU has them. All that can be are
// in the set by then, so that none has to be added under a wait that goes on.
func (e *events) start() {
	if e != nil && e.any.Load() {
		e.begin.Do(func() { go e.run() })
	}
}

// run waits for events until it has to quit or the session is over.
func (e *events) run() {
	defer close(e.ended)
	var pause time.Duration
	for {
		select {
		case giveBack := <-e.quit:
			if giveBack {
				_ = e.set.Free()
			}
			return
		case <-time.After(pause):
		}
		event, ret := e.set.Wait(uint32(max(e.wait.Milliseconds(), 1)))
		switch ret {
		case nvml.SUCCESS:
			e.take(event)
			pause = 0
		case nvml.ERROR_TIMEOUT:
			pause = 0
		case nvml.ERROR_UNINITIALIZED:
			return
		default:
			if pause == 0 {
				e.log.Warn("waiting for errors (XIDs) of GPUs fails; it is tried again", "err", ret)
			}
			pause = eventPause
		}
	}
}

func (e *events) take(event nvml.EventData) {
	if event.EventType&nvml.EventTypeXidCriticalError == 0 {
		return
	}
	e.mu.Lock()
	uuid, known := e.uuids[event.Device]
	e.mu.Unlock()
	if !known {
		e.log.Warn("an error (XID) of a GPU that is not watched is not counted", "xid", event.EventData)
		return
	}
	if e.xids.add(uuid, event.EventData) == 1 {
		e.log.Warn("a GPU reported an error; more of the kind are only counted", "uuid", uuid, "xid", event.EventData)
	}
}

// end returns when nobody waits for events any more.
func (e *events) end(giveBack bool) {
	waits := true
	e.begin.Do(func() { waits = false })
	if waits {
		e.quit <- giveBack
		<-e.ended
	} else if giveBack {
		_ = e.set.Free()
	}
}
