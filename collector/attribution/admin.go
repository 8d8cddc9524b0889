package attribution

import (
	"maps"
	"path"
	"slices"

	"github.com/gputally/gputally/collector/device"
)

// watchers are patterns of namespaces in which programs are that look on.
var watchers = []string{
	"kube-system", "gpu-operator", "nvidia-gpu-operator", "nvidia-dra-driver-gpu", "dcgm*", "prometheus*",
	"monitoring", "*-monitoring", "monitoring-*", "observability", "*-observability",
}

// watches is true if the namespace is one of programs that look on, by its name.
func watches(namespace string) bool {
	return slices.ContainsFunc(watchers, func(p string) bool {
		ok, _ := path.Match(p, namespace)
		return ok
	})
}

// admit finds the claims that look on (admin access), and takes their units away.
// Schedulers give a device to one claim, but for admin access. So where a claim is on
// what a device plugin gave to somebody, it looks on. Of two claims on one device one
// does: that in a namespace of programs that look on, if the other is not; else both
// are contested, with all that they have. It returns these.
func (r *Resolver) admit(c *claims) map[device.ClaimName]bool {
	maps.DeleteFunc(r.found, func(n device.ClaimName, _ bool) bool { return !c.listed[n] })
	if len(c.listed) == 0 {
		return nil
	}
	c.drop(r.found)
	c.overlaps(func(a, b claim) {
		if b.of == (device.ClaimName{}) || watches(a.of.Namespace) && !watches(b.of.Namespace) {
			r.found[a.of] = true
		}
	})
	c.drop(r.found)
	contested := map[device.ClaimName]bool{}
	c.overlaps(func(a, _ claim) { contested[a.of] = true })
	for u, now := range c.units {
		if contested[now.of] {
			now.contested = true
			c.units[u] = now
		}
	}
	return contested
}

// drop takes the units of claims away.
func (c *claims) drop(of map[device.ClaimName]bool) {
	maps.DeleteFunc(c.units, func(_ unit, now claim) bool { return of[now.of] })
}

// overlaps calls f for each claim on all of a device and each other holding that has
// some of that.
func (c *claims) overlaps(f func(a, b claim)) {
	byGPU := map[string][]claim{}
	for u, now := range c.units {
		if u.share == "" {
			byGPU[now.gpu] = append(byGPU[now.gpu], now)
		}
	}
	for _, all := range byGPU {
		for _, a := range all {
			if !a.common {
				continue
			}
			for _, b := range all {
				if a.of != b.of && a.overlaps(b.place) {
					f(a, b)
				}
			}
		}
	}
}

func names(of map[device.ClaimName]bool) []device.ClaimName {
	return slices.SortedFunc(maps.Keys(of), device.ClaimName.Compare)
}
