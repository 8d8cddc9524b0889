package meter

import (
	"cmp"
	"slices"

	"github.com/gputally/gputally/collector/device"
)

// work is what a container did on a GPU during a step. What is nil is unknown.
type work struct {
	busy   *float64 // own utilization, ratio of the physical GPU
	memory *float64 // bytes
	joules *float64
}

// works says what each tenant of a GPU did. doubt is the share that is held by
// nobody knows whom. If even is set, what is not known of each is split.
func works(s step, tenants []*holdingMeter, doubt float64, even bool) []work {
	all := make([]work, len(tenants))
	for i, t := range tenants {
		all[i] = s.workOf(t, tenants)
	}
	if even {
		s.split(all, tenants, doubt)
	}
	return all
}

// workOf finds the closest readings that are of this tenant alone: those of its
// MIG instances, of the whole GPU, or of its processes.
func (s *step) workOf(t *holdingMeter, tenants []*holdingMeter) work {
	switch {
	case len(t.parts) > 0:
		w := s.instancesOf(t, tenants)
		if t.sole && (w.busy == nil || w.memory == nil) {
			of := s.soleOf(t, s.whole())
			w.busy, w.memory = cmp.Or(w.busy, of.busy), cmp.Or(w.memory, of.memory)
		}
		return w
	case t.sole:
		return s.soleOf(t, s.whole())
	default:
		return s.sharedOf(t, tenants, s.whole())
	}
}

// whole is the GPU with all that is on it.
func (s *step) whole() scope { return scope{busy: s.busy, memory: s.reading.MemoryUsed} }

// instancesOf adds up what the tenant did on its MIG instances.
func (s *step) instancesOf(t *holdingMeter, tenants []*holdingMeter) work {
	sum := work{busy: new(float64), memory: new(float64)}
	for _, p := range t.parts {
		var w work
		if in, ok := s.instances[p.Instance]; ok {
			on := scope{p.Instance, times(in.busy, p.Share), in.memory}
			if p.Sole {
				w = s.soleOf(t, on)
			} else {
				w = s.sharedOf(t, holdersOf(p.Instance, tenants), on)
			}
		}
		sum.busy, sum.memory = plus(sum.busy, w.busy), plus(sum.memory, w.memory)
	}
	return sum
}

// holdersOf are those of the tenants who hold a part of a MIG instance.
func holdersOf(instance string, tenants []*holdingMeter) []*holdingMeter {
	var all []*holdingMeter
	for _, t := range tenants {
		if slices.ContainsFunc(t.parts, func(p device.Part) bool { return p.Instance == instance }) {
			all = append(all, t)
		}
	}
	return all
}

// processesOf adds up the tenant's processes; instance "" stands for all.
func (s *step) processesOf(t *holdingMeter, tenants []*holdingMeter, instance string) work {
	if t.key.holder.PodUID == "" {
		return work{}
	}
	alone := aloneOfItsPod(t, tenants)
	sum := work{busy: new(float64), memory: new(float64)}
	for _, p := range s.reading.Running {
		if p.Owner.PodUID != t.key.holder.PodUID || instance != "" && p.Instance != instance {
			continue
		}
		switch {
		case p.Owner.Container == t.key.holder.Container:
		case p.Owner.Container != "" && !alone:
			continue // of another container of the pod
		case !alone:
			return work{} // it is not clear which container it belongs to
		}
		sum.busy, sum.memory = plus(sum.busy, p.Utilization), plus(sum.memory, p.MemoryUsed)
	}
	return sum
}

// aloneOfItsPod is true if no other container of the pod holds the GPU.
func aloneOfItsPod(t *holdingMeter, tenants []*holdingMeter) bool {
	for _, o := range tenants {
		if o != t && o.key.holder.PodUID == t.key.holder.PodUID {
			return false
		}
	}
	return true
}

// split divides the GPU's activity or memory by the shares held, if some tenant's
// part of it is unknown.
func (s *step) split(all []work, tenants []*holdingMeter, doubt float64) {
	held := doubt
	busy, memory := doubt > 0, doubt > 0
	for i, t := range tenants {
		if t.sole || len(t.parts) > 0 {
			return // readings of a GPU with MIG say nothing about its instances
		}
		held += t.share
		busy, memory = busy || all[i].busy == nil, memory || all[i].memory == nil
	}
	ofBusy, ofMemory := s.busy, s.reading.MemoryUsed
	if c := s.crowdOf(tenants, ""); c.known && c.others > 0 { // what is others' is not the tenants'
		ofBusy, ofMemory = less(ofBusy, s.othersOf(tenants)), less(ofMemory, c.othersMemory)
	}
	for i, t := range tenants {
		if busy && ofBusy != nil {
			all[i].busy = times(ofBusy, t.share/held)
		}
		if memory && ofMemory != nil {
			all[i].memory = times(ofMemory, t.share/held)
		}
	}
}

// plus is a + b, nil if either is.
func plus(a, b *float64) *float64 {
	if a == nil || b == nil {
		return nil
	}
	sum := *a + *b
	return &sum
}

// less is a - b, at least 0; nil if either is.
func less(a, b *float64) *float64 {
	if a == nil || b == nil {
		return nil
	}
	rest := max(0, *a-*b)
	return &rest
}

func times(a *float64, factor float64) *float64 {
	if a == nil {
		return nil
	}
	product := *a * factor
	return &product
}
