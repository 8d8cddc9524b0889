package price

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gputally/gputally/reporter/checksum"
	"github.com/gputally/gputally/reporter/glob"
	"github.com/gputally/gputally/reporter/window"
)

// Digest is a hash of what the book says of a window and of some clusters: equal
// as long as nothing changes that could change a price in there. What a rate says
// of the time before and after the window, and of other clusters, is left out.
func (b *Book) Digest(w window.Window, clusters []string) string {
	lines := []string{fmt.Sprintf("currency %q", b.currency)}
	for _, r := range b.rates {
		r.from, r.to = max(r.from, w.From.UnixMilli()), min(r.to, w.To.UnixMilli())
		if r.from < r.to && slices.ContainsFunc(clusters, r.cluster.Match) {
			lines = append(lines, r.line())
		}
	}
	return digest(append(lines, allowLines(b.allowed)...))
}

func (r rate) line() string {
	return fmt.Sprintf("rate %q %q %q %d %s %s", r.cluster, r.nodePool, r.model, r.nanos, stamp(r.from), stamp(r.to))
}

func allowLines(allowed []glob.Pattern) []string {
	lines := make([]string, len(allowed))
	for i, p := range allowed {
		lines[i] = fmt.Sprintf("allow %q", p)
	}
	return lines
}

// digest is the hash of lines in whatever order; each line counts once.
func digest(lines []string) string {
	lines = slices.Sorted(slices.Values(lines))
	return checksum.SHA256([]byte(strings.Join(slices.Compact(lines), "\n")))
}
