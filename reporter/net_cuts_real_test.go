//go:build real

package reporter_test

import (
	"testing"
	"time"

	"github.com/gputally/gputally/internal/simulate"
	"github.com/gputally/gputally/reporter"
)

// evening is where the 25 hours begin that are cut.
var evening = instant("2026-11-02T18:00:00Z")

// cutFleet is two nodes of which each has one GPU that is held for parts of
// those hours that zones cut. Each holder has a whole GPU.
func cutFleet(names ...string) past {
	one := func(name string, holds ...[2]string) *simulate.Node {
		n := &simulate.Node{Name: name, GPUs: []simulate.GPU{simulate.NewGPU("GPU-"+name, "NVIDIA H200")}}
		for i, times := range holds {
			h := hold("vision", name+string(rune('0'+i)), 0, 1000, 0, 0)
			h.From, h.To = instant(times[0]), instant(times[1])
			n.Holds = append(n.Holds, h)
		}
		return n
	}
	p := past{born: evening.Add(-20 * time.Minute), from: evening.Add(-20 * time.Minute), to: evening.Add(25*time.Hour + 10*time.Minute)}
	for _, name := range names {
		p.nodes = append(p.nodes, map[string]*simulate.Node{
			"alone": one("alone", [2]string{"2026-11-03T09:10:00Z", "2026-11-03T09:40:00Z"}),
			"busy": one("busy", [2]string{"2026-11-02T18:20:00Z", "2026-11-02T18:50:00Z"}, [2]string{"2026-11-03T09:00:00Z", "2026-11-03T09:25:00Z"},
				[2]string{"2026-11-03T18:02:00Z", "2026-11-03T18:14:00Z"}),
			"night": one("night", [2]string{"2026-11-02T18:05:00Z", "2026-11-02T18:15:00Z"}, [2]string{"2026-11-02T22:00:00Z", "2026-11-03T18:30:00Z"}),
			"idle":  one("idle"),
		}[name])
	}
	return p
}

// truth is what each pod of a past held in a time, and nobody did, by the script
// of the past alone.
func (p past) truth(from, to time.Time) amounts {
	all := amounts{}
	for _, n := range p.nodes {
		free := to.Sub(from).Seconds()
		for _, h := range n.Holds {
			begin, end := h.From, h.To
			if begin.Before(from) {
				begin = from
			}
			if end.After(to) {
				end = to
			}
			if held := end.Sub(begin).Seconds(); held > 0 {
				all["allocated/"+n.Name+"/"+h.Holder.Pod] += held
				free -= held
			}
		}
		if free > 0 {
			all["unallocated/"+n.Name+"/"] += free
		}
	}
	return all
}

// A period that begins or ends inside an hour has what was there, of every
// state, and adds up to the fleet.
func TestCutsInsideAnHour(t *testing.T) {
	t.Parallel()
	for _, fleet := range []struct {
		name  string
		nodes []string
		cases map[string]cutCase
	}{
		{"one GPU", []string{"alone"}, map[string]cutCase{
			"an hour in Kolkata": {true, "Asia/Kolkata", "2026-11-03T14", "2026-11-03T08:30:00Z", "2026-11-03T09:30:00Z"},
			"the next hour":      {true, "Asia/Kolkata", "2026-11-03T15", "2026-11-03T09:30:00Z", "2026-11-03T10:30:00Z"},
			"an hour in UTC":     {false, "UTC", "2026-11-03T09", "2026-11-03T09:00:00Z", "2026-11-03T10:00:00Z"},
			"a few minutes":      {true, "UTC", "2026-11-03T09:05:00Z/2026-11-03T09:12:00Z", "2026-11-03T09:05:00Z", "2026-11-03T09:12:00Z"},
		}},
		{"a fleet", []string{"alone", "busy", "night", "idle"}, map[string]cutCase{
			"a day in Kathmandu":  {true, "Asia/Kathmandu", "2026-11-03", "2026-11-02T18:15:00Z", "2026-11-03T18:15:00Z"},
			"a day in Kolkata":    {true, "Asia/Kolkata", "2026-11-03", "2026-11-02T18:30:00Z", "2026-11-03T18:30:00Z"},
			"an hour in Adelaide": {true, "Australia/Adelaide", "2026-11-03T19", "2026-11-03T08:30:00Z", "2026-11-03T09:30:00Z"},
			"an hour in Chatham":  {true, "Pacific/Chatham", "2026-11-03T23", "2026-11-03T09:15:00Z", "2026-11-03T10:15:00Z"},
			"an hour in Lagos":    {false, "Africa/Lagos", "2026-11-03T00", "2026-11-02T23:00:00Z", "2026-11-03T00:00:00Z"},
		}},
	} {
		t.Run(fleet.name, func(t *testing.T) {
			t.Parallel()
			p := cutFleet(fleet.nodes...)
			server := served(t, func(data string) { p.write(t, data) })
			_, setting := folder(t)
			b := netBooks{"--config=" + priced(server.URL, setting, "").write(t), evening.Add(25*time.Hour + 11*time.Minute)}
			run(t, b.at, "close", "--from="+evening.Format(time.RFC3339), b.config).succeeds(t)
			for name, tt := range fleet.cases {
				t.Run(name, func(t *testing.T) {
					v := &verdict{}
					rows, got := b.rows(t, "node,pod", "--period="+tt.period, "--time-zone="+tt.zone)
					v.ends(got, "report", reporter.ExitOK)
					const poll = 2.5 // seconds; of each begin and end of what is held
					want := p.truth(instant(tt.from), instant(tt.to))
					v.are(rows, want, poll*3)
					v.are(amounts{"": rows.total("")}, amounts{"": want.total("")}, 0.1)
					v.judge(t, tt.known)
				})
			}
		})
	}
}

// cutCase is a period that is cut out of the closed hours.
type cutCase struct {
	known        bool // the fault is known: part 6 §4
	zone, period string
	from, to     string
}
