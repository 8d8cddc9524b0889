package meter

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
	s.share(all, tenants, doubt)
	return all
}

// workOf finds the closest readings that are of this tenant alone: those of its
// MIG instances, of the whole GPU, or of its processes.
func (s *step) workOf(t *holdingMeter, tenants []*holdingMeter) work {
	switch {
	case len(t.parts) > 0:
		w := s.instancesOf(t, tenants)
		if t.sole && w.busy == nil {
			w.busy = s.busy
		}
		if t.sole && w.memory == nil {
			w.memory = s.reading.MemoryUsed
		}
		return w
	case t.sole:
		return work{busy: s.busy, memory: s.reading.MemoryUsed}
	case s.owned:
		return s.processesOf(t, tenants, "")
	default:
		return work{}
	}
}

// instancesOf adds up what the tenant did on its MIG instances.
func (s *step) instancesOf(t *holdingMeter, tenants []*holdingMeter) work {
	sum := work{busy: new(float64), memory: new(float64)}
	for _, p := range t.parts {
		in, ok := s.instances[p.Instance]
		var w work
		if ok && in.owned {
			w = s.processesOf(t, tenants, p.Instance)
		}
		if ok && p.Sole {
			w.memory = in.memory
			if in.busy != nil {
				ofGPU := *in.busy * p.Share
				w.busy = &ofGPU
			}
		}
		sum.busy, sum.memory = plus(sum.busy, w.busy), plus(sum.memory, w.memory)
	}
	return sum
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
	for i, t := range tenants {
		if busy && s.busy != nil {
			all[i].busy = times(s.busy, t.share/held)
		}
		if memory && s.reading.MemoryUsed != nil {
			all[i].memory = times(s.reading.MemoryUsed, t.share/held)
		}
	}
}

// share divides the energy by active share, where that of all is known. The
// energy of a GPU on which nobody does anything is nobody's.
func (s *step) share(all []work, tenants []*holdingMeter, doubt float64) {
	if s.joules == nil || doubt > 0 {
		return
	}
	if len(tenants) == 1 && tenants[0].sole {
		all[0].joules = s.joules
		return
	}
	var total float64
	for i, w := range all {
		if w.busy == nil {
			return
		}
		total += min(*w.busy, tenants[i].share)
	}
	for i, w := range all {
		portion := 0.0
		if total > 0 {
			portion = min(*w.busy, tenants[i].share) / total
		}
		all[i].joules = times(s.joules, portion)
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

func times(a *float64, factor float64) *float64 {
	if a == nil {
		return nil
	}
	product := *a * factor
	return &product
}
