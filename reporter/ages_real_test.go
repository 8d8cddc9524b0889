//go:build real

package reporter_test

import (
	"strings"
	"testing"

	"github.com/gputally/gputally/internal/faultproxy"
	"github.com/gputally/gputally/reporter"
)

// counted is the shared Prometheus behind a proxy that counts its requests.
func counted(t *testing.T) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.Start(shared.prometheus.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// Twenty-six years are 235,000 hours, of which four have samples.
func TestHoursOfAgesWithoutSamplesAreNotAskedForOneByOne(t *testing.T) {
	t.Parallel()
	const most = 200
	ages := []string{"--from=2000-01-01", "--to=2026-11-03T04"}
	restate := append([]string{"close", "--restate", "--force"}, ages...)
	for name, tt := range map[string]struct {
		before []string // a command that is run before
		args   []string
		more   string // of the configuration
		code   int
		says   []string
	}{
		"close": {
			args: append([]string{"close"}, ages...),
			says: []string{"Left out 2352", "2000-01-01T00:00:00Z to 2026-11-02T23:00:00Z", "Closed 5 hours of cluster eu-1"},
		},
		"close on several days at once": {
			args: append([]string{"close", "--parallel=4"}, ages...),
			says: []string{"Left out 2352", "Closed 5 hours of cluster eu-1"},
		},
		"a dry run": {
			args: append([]string{"close", "--dry-run"}, ages...),
			says: []string{"Left out 2352", "Would close 5 hours"},
		},
		"restate of closed hours": {
			before: []string{"close", "--from=2026-11-02T23"}, args: restate,
			says: []string{"Left out 2352", "Read 5 hours of cluster eu-1 again", "0 changed"},
		},
		"a preview": {
			args: []string{"report", "--preview", "--by=pod", "--period=2000-01-01T00:00:00Z/2026-11-20T12:00:00Z"}, code: reporter.ExitOK,
			says: []string{"train", "notebook"},
		},
		"a preview of a selector that nothing has": {
			args: []string{"report", "--preview", "--by=pod", "--period=2000-01-01T00:00:00Z/2026-11-20T12:00:00Z"}, more: "selector: {job: other}", code: reporter.ExitOK,
		},
		"a selector that nothing has": {
			args: append([]string{"close"}, ages...), more: "selector: {job: other}", code: reporter.ExitSource,
			says: []string{"No hour to close"},
		},
		"restate of a selector that nothing has": {
			args: restate, more: "selector: {job: other}", code: reporter.ExitSource,
			says: []string{"No hour to restate"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := counted(t)
			_, setting := folder(t)
			f := priced(p.URL, setting, "")
			f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], "timeout: 20s", "timeout: 20s, "+tt.more, 1)
			config := "--config=" + f.write(t)
			if tt.before != nil {
				run(t, instant("2026-11-03T04:11:00Z"), append(tt.before, config)...).succeeds(t)
			}
			before := len(p.Asked())
			got := run(t, instant("2026-11-20T12:00:00Z"), append(tt.args, config)...)
			got.want(t, tt.code)
			for _, part := range tt.says {
				if !strings.Contains(got.stdout, part) {
					t.Errorf("it does not say %q:\n%s%s", part, got.stdout, got.message)
				}
			}
			if n := len(p.Asked()) - before; n > most {
				t.Errorf("%d requests, at most %d are needed", n, most)
			}
		})
	}
}

// A year after it closed its last hour the service has 8,700 to look at.
func TestAServiceThatStoodStillForAYearAsksForNoHourThatHasNothing(t *testing.T) {
	t.Parallel()
	p := counted(t)
	_, setting := folder(t)
	f := priced(p.URL, setting, "schedules: schedules.yaml\n")
	f["schedules.yaml"] = "schedules: []\n"
	config := "--config=" + f.write(t)
	run(t, instant("2026-11-03T02:11:00Z"), "close", closeNight, config).succeeds(t)
	before := len(p.Asked())
	c := &clock{}
	c.set("2027-11-03T02:25:00Z")
	s := serve(t, c, config)
	s.eventually(t, "the hours with samples are closed", func() bool { return strings.Count(s.log.String(), `msg="Closed an hour"`) == 3 })
	s.ticks(t)
	if n := len(p.Asked()) - before; n > 300 {
		t.Errorf("%d requests", n)
	}
	if !strings.Contains(s.log.String(), `msg="Left out hours without samples" cluster=eu-1 hours=87`) {
		t.Errorf("the log is\n%s", s.log)
	}
	s.ends(t)
}
