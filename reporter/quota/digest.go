package quota

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gputally/gputally/reporter/checksum"
	"github.com/gputally/gputally/reporter/window"
)

// QuotasDigest is a hash of the quotas that are valid in a window, "" if there are
// none. What they are before and after it is left out.
func (p *Projects) QuotasDigest(w window.Window) string {
	var lines []string
	for _, project := range p.projects {
		for _, t := range project.terms {
			if from, to, inside := clip(t.from, t.to, w); inside {
				lines = append(lines, fmt.Sprintf("quota %q %q %q %d %d %d", project.name, project.department, t.NodePool, t.DeservedMilli, from, to))
			}
		}
	}
	return digest(lines)
}

// OwnersDigest is a hash of who owns which namespaces of some clusters in a
// window, "" if nobody does. Whether there are such namespaces is not known here,
// so a project counts whose namespaces nobody has used.
func (p *Projects) OwnersDigest(w window.Window, clusters []string) string {
	var lines []string
	add := func(o owner) {
		if from, to, inside := clip(o.from, o.to, w); inside && slices.ContainsFunc(clusters, o.cluster.Match) {
			lines = append(lines, fmt.Sprintf("owner %q %q %q %q %d %d", o.namespace, o.cluster, o.project.name, o.project.department, from, to))
		}
	}
	for _, o := range p.patterns {
		add(o)
	}
	for _, owners := range p.exact {
		for _, o := range owners {
			add(o)
		}
	}
	return digest(lines)
}

// clip is the part of a range, in Unix ms, that is inside a window, if there is one.
func clip(from, to int64, w window.Window) (clippedFrom, clippedTo int64, inside bool) {
	from, to = max(from, w.From.UnixMilli()), min(to, w.To.UnixMilli())
	return from, to, from < to
}

// digest is the hash of lines in whatever order, "" if there are none.
func digest(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	slices.Sort(lines)
	return checksum.SHA256([]byte(strings.Join(slices.Compact(lines), "\n")))
}
