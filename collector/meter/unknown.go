package meter

import "github.com/gputally/gputally/collector/device"

const (
	// mostIDs is how many device ids of one answer are logged: a container may hold
	// hundreds of a scheduler that divides GPUs.
	mostIDs = 20
	// mostNames is how many names of resources and drivers are logged in all.
	mostNames = 100
)

// noteUnresolved logs the device ids that were resolved, or not held, before.
func (l *Loop) noteUnresolved(ids []string) {
	now := make(map[string]bool, len(ids))
	fresh := 0
	for _, id := range ids {
		now[id] = true
		if l.unknown[id] {
			continue
		}
		if fresh++; fresh <= mostIDs {
			l.cfg.Logger.Warn("A container holds a device that no known GPU answers to; its time is not attributed", "device", id)
		}
	}
	if fresh > mostIDs {
		l.cfg.Logger.Warn("Containers hold more devices that no known GPU answers to", "devices", fresh-mostIDs)
	}
	l.unknown = now
}

// noteForeign logs, once, each resource and DRA driver that is held and not known as
// one of GPUs.
func (l *Loop) noteForeign(all []device.Allocation) {
	for _, a := range all {
		l.noteName(a, "resource", a.Resource, "--kubelet.resource")
		for _, c := range a.Claims {
			l.noteName(a, "driver", c.Driver, "--dra.driver")
		}
	}
}

func (l *Loop) noteName(a device.Allocation, kind, name, flag string) {
	if name == "" || l.foreign[kind+name] || len(l.foreign) == mostNames {
		return
	}
	l.foreign[kind+name] = true
	l.cfg.Logger.Info("Devices are held under a name that is not known as one of GPUs; they are not metered. If they are GPUs, give the name to the flag",
		kind, name, "namespace", a.Holder.Namespace, "pod", a.Holder.Pod, "flag", flag)
}
