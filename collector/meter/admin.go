package meter

import (
	"github.com/gputally/gputally/collector/attribution"
	"github.com/gputally/gputally/collector/device"
)

// noteAdmins logs the ResourceClaims that have begun to hold nothing, and those of
// which one has to have admin access, with the rule that would say which.
func (l *Loop) noteAdmins(r attribution.Result) {
	admins := make(map[device.ClaimName]bool, len(r.Admins))
	for _, n := range r.Admins {
		admins[n] = true
		switch {
		case l.admins[n]:
		case l.cfg.Attribution.Admin != nil && l.cfg.Attribution.Admin(n):
			l.cfg.Logger.Info("A ResourceClaim has admin access, by a rule; it holds nothing", "claim", n)
		default:
			l.cfg.Logger.Warn("A ResourceClaim is on GPUs that others hold, so it has admin access, and holds nothing. Make that a rule",
				"claim", n, "rule", "--dra.admin-access="+n.Namespace+"/*")
		}
	}
	contested := make(map[device.ClaimName]bool, len(r.Contested))
	for i, n := range r.Contested {
		contested[n] = true
		if l.contested[n] {
			continue
		}
		rule := n.Namespace + "/*"
		if i > 0 && r.Contested[i-1].Namespace == n.Namespace || i+1 < len(r.Contested) && r.Contested[i+1].Namespace == n.Namespace {
			rule = n.String()
		}
		l.cfg.Logger.Warn("A ResourceClaim is on a GPU that another one is on, so one of the two has admin access; neither is charged until a rule says which. If it is this one, set the rule",
			"claim", n, "rule", "--dra.admin-access="+rule)
	}
	l.admins, l.contested = admins, contested
}
