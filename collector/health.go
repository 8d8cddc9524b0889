package collector

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gputally/gputally/collector/meter"
)

// stalled is how many intervals a meter may miss before it counts as stuck.
const stalled = 30

// polls are those of a meter.
type polls interface {
	// Ticked returns when the latest poll began, the zero time before the first.
	Ticked() time.Time
	// Latest returns the latest snapshot, nil before the first.
	Latest() *meter.Snapshot
}

// probes answer for a meter, with 200 or 503 and what holds.
type probes struct {
	polls polls
	// patience is how old the latest poll may be.
	patience time.Duration
	now      func() time.Time
}

// health answers 200 while the meter ticks, whatever the driver and the kubelet do:
// to kill the process would not help. Where another one would, it ends of itself.
func (p probes) health(w http.ResponseWriter, _ *http.Request) {
	last := p.polls.Ticked()
	fault := ""
	if age := p.now().Sub(last); last.IsZero() {
		fault = "the meter has not polled yet"
	} else if age > p.patience {
		fault = fmt.Sprintf("the meter last polled %s ago", age.Round(time.Second))
	}
	p.answer(w, "ok", fault)
}

// ready answers 200 once there is a snapshot, also on a node that waits for its
// driver. Where GPUs and holders were known once and have not been for longer than is
// bridged, it answers 503: nothing is metered.
func (p probes) ready(w http.ResponseWriter, _ *http.Request) {
	s, well, fault := p.polls.Latest(), "ok", ""
	switch {
	case s == nil:
		fault = "no poll has ended yet"
	case s.Known.IsZero():
		well = "nothing is metered yet"
	case p.now().After(s.Until):
		fault = fmt.Sprintf("nothing is metered, since driver and kubelet were last known %s ago", p.now().Sub(s.Known).Round(time.Second))
	}
	p.answer(w, well, fault)
}

// answer begins with what is wrong, or else that all is well, and goes on with what holds.
func (p probes) answer(w http.ResponseWriter, well, fault string) {
	var b strings.Builder
	fmt.Fprintln(&b, cmp.Or(fault, well))
	if s := p.polls.Latest(); s != nil {
		describe(&b, s, p.now())
	}
	if fault != "" {
		http.Error(w, strings.TrimSuffix(b.String(), "\n"), http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, b.String()) // whoever asked may be gone
}

// describe says what holds of the sources and the GPUs, a line each.
func describe(w io.Writer, s *meter.Snapshot, now time.Time) {
	for _, h := range s.Sources {
		fmt.Fprintf(w, "%s: ", h.Name)
		lasts := now.Sub(h.Since).Round(time.Second)
		switch {
		case !h.Up && h.Since.IsZero():
			fmt.Fprint(w, "has not been asked yet")
		case h.Up && h.Since.IsZero():
			fmt.Fprint(w, "answers")
		case h.Up:
			fmt.Fprintf(w, "answers, but for %s: %s", lasts, h.Reason)
		case h.Released:
			fmt.Fprintf(w, "has been released for %s, as requested; SIGUSR2 to the process resumes it", lasts)
		default:
			fmt.Fprintf(w, "has not answered for %s: %s", lasts, h.Reason)
		}
		if !h.Ends.IsZero() {
			fmt.Fprintf(w, "; if that lasts, the process ends with code %d in %s", ExitGaveUp, max(0, h.Ends.Sub(now)).Round(time.Second))
		}
		fmt.Fprintln(w)
	}
	for i := range s.Devices {
		if d := &s.Devices[i]; d.Current && !d.GPU.Reading.Up {
			fmt.Fprintf(w, "%s: does not answer: %s\n", d.GPU.UUID, d.GPU.Reading.Reason)
		}
	}
	if n := s.Nameless; n != nil && *n > 0 {
		fmt.Fprintf(w, "GPUs that don't say who they are: %d\n", *n)
	}
}
