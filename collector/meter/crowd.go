package meter

import (
	"strings"

	"github.com/gputally/gputally/collector/device"
)

// scope is a GPU or one of its MIG instances, and what it did.
type scope struct {
	instance string   // UUID of the MIG instance, "" for the GPU with all that is on it
	busy     *float64 // ratio of the GPU's time
	memory   *float64 // bytes
}

// crowd is what the processes on a scope did, by whose they are.
type crowd struct {
	// known is true if the driver lists all processes and each one's owner is known.
	known bool
	// own is of the tenants. A sum is nil if a part of it is unknown.
	own                int
	ownBusy, ownMemory *float64
	// others are of nobody who holds the scope.
	others       int
	othersMemory *float64
	working      float64 // what others did, as far as it was measured
	unmeasured   int     // others of which it was not
	// servers are those of MPS: what they do, their clients do.
	servers     int
	serversBusy float64
}

// isServer is true for the server of MPS. The kernel cuts names of programs.
func isServer(p device.Process) bool { return strings.HasPrefix(p.Name, "nvidia-cuda-mps") }

// crowdOf sorts the processes on a scope by whether they are the tenants'.
func (s *step) crowdOf(tenants []*holdingMeter, instance string) crowd {
	r := &s.reading
	c := crowd{ownBusy: new(float64), ownMemory: new(float64), othersMemory: new(float64)}
	if r.Running == nil || len(r.Running) == 0 && r.Utilization != nil && *r.Utilization > 0 {
		return c // somebody works whom the driver does not list
	}
	c.known = true
	for _, p := range r.Running {
		if instance != "" && p.Instance != instance {
			continue
		}
		switch mine, ok := belongs(p.Owner, tenants); {
		case !ok:
			c.known = false
		case mine:
			c.own++
			c.ownBusy, c.ownMemory = plus(c.ownBusy, p.Utilization), plus(c.ownMemory, p.MemoryUsed)
		case isServer(p):
			c.servers++
			if p.Utilization != nil {
				c.serversBusy += *p.Utilization
			}
		default:
			c.others++
			c.othersMemory = plus(c.othersMemory, p.MemoryUsed)
			if p.Utilization == nil {
				c.unmeasured++
			} else {
				c.working += *p.Utilization
			}
		}
	}
	return c
}

// belongs returns whether the owner of a process is a tenant; ok is false if that
// isn't known.
func belongs(o device.Owner, tenants []*holdingMeter) (mine, ok bool) {
	if o.Host || o.PodUID == "" {
		return false, o.Host
	}
	unnamed := false
	for _, t := range tenants {
		if t.key.holder.PodUID == o.PodUID {
			return true, true
		}
		unnamed = unnamed || t.key.holder.PodUID == ""
	}
	if unnamed { // the only tenant is as good as named
		return len(tenants) == 1, len(tenants) == 1
	}
	return false, true
}

// hidden is true if the GPU works and no listed process of anybody does: the
// tenants may, or somebody who is not listed. ownBusy is 0 also without any.
func (c crowd) hidden(busy *float64) bool {
	return busy != nil && *busy > 0 && c.working == 0 && c.ownBusy != nil && *c.ownBusy == 0
}

// soleOf is what a tenant did who has the scope to himself: what the scope did,
// less what others did on it.
func (s *step) soleOf(t *holdingMeter, in scope) work {
	w := work{busy: in.busy, memory: in.memory}
	if s.reading.Running == nil && !s.unlisted { // nobody else can be seen, ever
		return w
	}
	c := s.crowdOf([]*holdingMeter{t}, in.instance)
	resting := in.busy != nil && *in.busy == 0
	if !c.known {
		if !resting {
			w.busy = nil
		}
		w.memory = nil
		return w
	}
	if c.others+c.servers > 0 {
		w.memory = c.ownMemory
	}
	switch {
	case resting:
	case in.busy == nil:
		w.busy = c.ownBusy
	case c.own > 0 && c.working == 0 && c.unmeasured == 0: // all of it is the tenant's
	case c.hidden(in.busy):
		w.busy = nil
	default:
		w.busy = c.ownBusy
	}
	return w
}

// sharedOf is what a tenant did on a scope that he shares with the others: what
// his processes did.
func (s *step) sharedOf(t *holdingMeter, tenants []*holdingMeter, in scope) work {
	c := s.crowdOf(tenants, in.instance)
	if !c.known {
		return work{}
	}
	w := s.processesOf(t, tenants, in.instance)
	if c.hidden(in.busy) || c.serversBusy > 0 {
		w.busy = nil
	}
	return w
}

// othersOf is what those did on the GPU who hold nothing of it, nil if unknown.
func (s *step) othersOf(tenants []*holdingMeter) *float64 {
	none := 0.0
	if s.reading.Running == nil && !s.unlisted || s.busy != nil && *s.busy == 0 {
		return &none
	}
	c := s.crowdOf(tenants, "")
	if !c.known || c.unmeasured > 0 || c.own == 0 && c.hidden(s.busy) {
		return nil
	}
	return &c.working
}
