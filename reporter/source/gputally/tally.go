package gputally

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/usage"
)

// tally counts the samples of a series, which may come in parts. What lies between
// the first and the last sample came already: an answer may bring it twice.
type tally struct {
	first, last int64 // Unix ms
	count       int
}

func (t *tally) add(samples []series.Sample) {
	for _, p := range samples {
		if t.count == 0 || p.T < t.first || p.T > t.last {
			t.count++
		}
		if t.count == 1 {
			t.first, t.last = p.T, p.T
		}
		t.first, t.last = min(t.first, p.T), max(t.last, p.T)
	}
}

// isShort tells whether so few of the samples came that an answer lacks some. A few
// may lack for other reasons: each series of replicas takes turns on its own.
func isShort(have, want int) bool { return have == 0 && want > 0 || 100*(have+3) < 95*want }

// lacks names up to usage.MostNamed things that an answer lacks, and counts all.
type lacks struct {
	named []string
	count int
}

func (l *lacks) add(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if slices.Contains(l.named, text) { // what a collector lacks is so for each of its GPUs
		return
	}
	if l.count++; len(l.named) < usage.MostNamed {
		l.named = append(l.named, text)
	}
}

func (l *lacks) join(o lacks) {
	l.count += o.count
	l.named = append(l.named, o.named[:min(len(o.named), usage.MostNamed-len(l.named))]...)
}

// text names them.
func (l *lacks) text() string {
	text := strings.Join(l.named, "; ")
	if more := l.count - len(l.named); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// err is nil if nothing is lacking.
func (l *lacks) err(what string) error {
	if l.count == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s: %s; close the hour again when the server answers completely, make sure that no relabelling "+
		"drops series of collectors, and use gputally-reporter close --accept-incomplete for what is lost for good",
		source.ErrIncomplete, what, l.text())
}
