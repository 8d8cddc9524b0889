package reporter_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter"
)

func TestCommandLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args   []string
		code   int
		says   string // in the message, or on stdout of what succeeds
		silent string // what stdout must not have
	}{
		"help lists the commands":       {[]string{"--help"}, 0, "Make one report from closed hours", ""},
		"help of a command":             {[]string{"report", "make", "--help"}, 0, "--[no-]preview", ""},
		"help as a command":             {[]string{"help", "close"}, 0, "--[no-]restate", ""},
		"the version and nothing else":  {[]string{"--version"}, 0, "gputally-reporter, version", "usage:"},
		"the version as a command":      {[]string{"version"}, 0, "gputally-reporter, version", "usage:"},
		"help of reports":               {[]string{"report", "--help"}, 0, "report make --help lists", ""},
		"a state that nobody knows":     {[]string{"report", "list", "--state=Done"}, 2, "--state=Done: it takes Ready, Failed", ""},
		"a grouping that is empty":      {[]string{"report", "--by="}, 2, "--by is empty: give it a value, or leave it away", ""},
		"a name that is empty":          {[]string{"report", "make", "--name="}, 2, "--name is empty", ""},
		"a cluster that is empty":       {[]string{"close", "--cluster= "}, 2, "--cluster is empty", ""},
		"a period that is empty":        {[]string{"report", "--period", ""}, 2, "--period is empty", ""},
		"a time that is empty":          {[]string{"ledger", "verify", "--from="}, 2, "--from is empty", ""},
		"a report that is empty":        {[]string{"report", "show", ""}, 2, "NAME is empty", ""},
		"a time before all":             {[]string{"close", "--from=0001-01-01"}, 2, "--from: 0001-01-01 is before 2000", ""},
		"a schedule of nobody":          {[]string{"report", "--schedule=hourly"}, 2, `--schedule: "hourly" is none of daily`, ""},
		"a schedule and a grouping":     {[]string{"report", "--schedule=daily-by-namespace", "--by=pod"}, 2, "leave --by away", ""},
		"a period of another schedule":  {[]string{"report", "--schedule=daily-by-namespace", "--period=2026-10"}, 2, "is not one day in", ""},
		"a name that a schedule owns":   {[]string{"report", "--name=daily-by-namespace"}, 2, "belongs to a schedule: make its report with --schedule=daily-by-namespace", ""},
		"a list of nothing":             {[]string{"report", "list", "--limit=0"}, 2, "--limit: 0 is less than 1", ""},
		"no command":                    {nil, 2, "no command; try --help", "usage:"},
		"an unknown command":            {[]string{"bill"}, 2, `expected command but got "bill"; try --help`, ""},
		"an unknown flag":               {[]string{"close", "--form=x"}, 2, "unknown long flag '--form'; try --help", ""},
		"a format of nobody":            {[]string{"report", "--format=pdf"}, 2, "--format=pdf: it takes table, csv, json, none", ""},
		"a restatement of no time":      {[]string{"close", "--restate"}, 2, "close --restate needs --from and --to", ""},
		"force without a restatement":   {[]string{"close", "--force"}, 2, "close --force needs --restate", ""},
		"nobody at work":                {[]string{"close", "--parallel=0"}, 2, "--parallel: 0 is not between 1 and 16", ""},
		"a restatement side by side":    {[]string{"close", "--restate", "--parallel=2", "--from=2026-11-20T00:00:00Z", "--to=2026-11-20T01:00:00Z"}, 2, "goes hour by hour", ""},
		"a cluster of nobody":           {[]string{"close", "--cluster=us-1"}, 2, `--cluster: "us-1" is none of eu-1`, ""},
		"a report of nobody's cluster":  {[]string{"report", "--by=namespace", "--cluster=us-1"}, 2, `--cluster: "us-1" is none of eu-1`, ""},
		"a check of nobody's cluster":   {[]string{"check", "--cluster=us-1"}, 2, `--cluster: "us-1" is none of eu-1`, ""},
		"a time that is none":           {[]string{"close", "--from=soon"}, 2, `--from: "soon" is no time like 2026-11-20T00:00:00Z and no date like 2026-11-20`, ""},
		"times the wrong way round":     {[]string{"close", "--from=2026-11-20T02:00:00Z", "--to=2026-11-20T01:00:00Z"}, 2, "is not before --to", ""},
		"a period of nonsense":          {[]string{"report", "--period=nonsense"}, 2, `--period: cannot read period "nonsense": use for example 2026-11-20`, ""},
		"a period that has not ended":   {[]string{"report", "--period=today"}, 2, "ends only at 2026-11-21T00:00:00Z; use --preview", ""},
		"a period of the future":        {[]string{"report", "--preview", "--period=2030-01-01"}, 2, "--period: 2030-01-01 begins only at 2030-01-01T00:00:00Z", ""},
		"a month that is to come":       {[]string{"report", "--schedule=monthly-by-node-pool", "--period=2026-12"}, 2, "2026-12 begins only at 2026-12-01T00:00:00Z", ""},
		"hours of the future":           {[]string{"close", "--from=2027-01-01"}, 2, "--from 2027-01-01T00:00:00Z is in the future: it is 2026-11-20T12:00:00Z", ""},
		"coverage of the future":        {[]string{"ledger", "coverage", "--from=2027-01-01"}, 2, "is in the future", ""},
		"coverage of no time":           {[]string{"ledger", "coverage", "--from=2026-11-02", "--to=2026-11-01"}, 2, "is not before --to", ""},
		"coverage of nobody's cluster":  {[]string{"ledger", "coverage", "--cluster=us-1"}, 2, `--cluster: "us-1" is none of eu-1`, ""},
		"a zone of nobody":              {[]string{"report", "--time-zone=Berlin"}, 2, "--time-zone: ", ""},
		"a dimension of nobody":         {[]string{"report", "--by=team"}, 2, `--by: group by "team": is none of department, project`, ""},
		"a tick that never rests":       {[]string{"serve", "--tick=1ms"}, 2, "--tick: 1ms is too short", ""},
		"a configuration that is not":   {[]string{"check", "--config=/nowhere/gputally.yaml"}, 2, "/nowhere/gputally.yaml", ""},
		"a name that no key could have": {[]string{"report", "--name=a/b"}, 2, `report: name "a/b": must be`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, setting := folder(t)
			args := tt.args
			if len(args) > 1 && !strings.HasPrefix(args[1], "--config") && args[0] != "help" {
				args = append(args, "--config="+files{"gputally.yaml": mainFile("http://127.0.0.1:1", setting)}.write(t))
			}
			got := run(t, now, args...)
			if tt.code == reporter.ExitOK {
				if out := got.succeeds(t); !strings.Contains(out, tt.says) || tt.silent != "" && strings.Contains(out, tt.silent) {
					t.Errorf("stdout is\n%s", out)
				}
				return
			}
			got.want(t, tt.code, tt.says)
			if got.stdout != "" {
				t.Errorf("stdout has\n%s", got.stdout)
			}
			isEmpty(t, dir)
		})
	}
}

func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	schedules := func(cron, zone string) files {
		return files{"schedules.yaml": "schedules:\n  - name: daily\n    cron: \"" + cron + "\"\n    time_zone: " + zone +
			"\n    period: day\n    group_by: [namespace]\n"}
	}
	tests := map[string]struct {
		extra string
		files files
		parts []string
	}{
		"an unknown key": {
			extra: "setle: 10m\n",
			parts: []string{"gputally.yaml:4:1: setle: "},
		},
		"a bad cron line": {
			extra: "schedules: schedules.yaml\n", files: schedules("0 25 * * *", "UTC"),
			parts: []string{"schedules.yaml:3:11: schedules[0].cron: ", `hour "25" of "0 25 * * *"`},
		},
		"a bad time zone": {
			extra: "schedules: schedules.yaml\n", files: schedules("0 6 * * *", "Mars/Olympus"),
			parts: []string{"schedules.yaml:4:16: schedules[0].time_zone: ", "Mars/Olympus"},
		},
		"clusters that overlap": {
			extra: "clusters:\n  - {name: eu-1, prometheus: {selector: {cluster: eu-1}}}\n  - {name: eu-2}\n",
			parts: []string{"gputally.yaml:1:10: cluster: and clusters are both here", "gputally.yaml:6:5: clusters[1].prometheus: reads the same series of http://127.0.0.1:1 as clusters[0] on line 5"},
		},
		"all problems at once": {
			extra: "setle: 10m\nschedules: schedules.yaml\n", files: schedules("0 25 * * *", "Mars/Olympus"),
			parts: []string{"setle", "schedules[0].cron", "schedules[0].time_zone"},
		},
	}
	for name, tt := range tests {
		for _, command := range []string{"check", "close", "report", "serve"} {
			t.Run(name+", "+command, func(t *testing.T) {
				t.Parallel()
				dir, setting := folder(t)
				f := files{"gputally.yaml": mainFile("http://127.0.0.1:1", setting) + tt.extra}
				for name, content := range tt.files {
					f[name] = content
				}
				run(t, now, command, "--config="+f.write(t)).want(t, reporter.ExitUsage, tt.parts...)
				isEmpty(t, dir)
			})
		}
	}
}

func TestCheckOfTheConfigurationAsksNobody(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	out := run(t, now, "check", "--config="+files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)).succeeds(t)
	if !strings.HasPrefix(out, "ok    configuration ") || !strings.Contains(out, "cluster eu-1") {
		t.Errorf("it says %q", out)
	}
	isEmpty(t, dir)
}

// closedPort is the URL of a server that is not there.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return "http://" + l.Addr().String()
}

// A Prometheus that can't be read ends every command that needs it with code 3,
// the URL and a hint, and leaves the bucket as it is.
func TestPrometheusThatCannotBeRead(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, body, status)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	tests := map[string]struct {
		url   string
		parts []string
	}{
		"nobody is there":      {closedPort(t), []string{"connection refused", "check the URL"}},
		"it wants a password":  {answer(401, "Unauthorized"), []string{"401", "credentials"}},
		"the request is wrong": {answer(422, "unknown parameter"), []string{"422", "unknown parameter"}},
		"it is overloaded":     {answer(503, "try later"), []string{"503", "try later"}},
	}
	for name, tt := range tests {
		for _, args := range [][]string{
			{"close", "--from=2026-11-20T10:00:00Z"},
			{"report", "--preview", "--period=2026-11-20T11"},
		} {
			t.Run(name+", "+args[0], func(t *testing.T) {
				t.Parallel()
				dir, setting := folder(t)
				args := append(args, "--config="+files{"gputally.yaml": mainFile(tt.url, setting)}.write(t))
				run(t, now, args...).want(t, reporter.ExitSource, append(tt.parts, tt.url)...)
				isEmpty(t, dir)
			})
		}
	}
}

// emptyPrometheus answers every read with no series.
func emptyPrometheus(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/read" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestAnHourWithoutSamples(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	config := files{"gputally.yaml": mainFile(emptyPrometheus(t), setting)}.write(t)
	got := run(t, now, "close", "--from=2026-11-20T09:00:00Z", "--config="+config)
	got.want(t, reporter.ExitSource, "2 of 2 hours have no samples", "2026-11-20T09:00:00Z", "no samples of gputally collectors", "check that")
	if !strings.Contains(got.stdout, "Closed 0 hours") {
		t.Errorf("it says %q", got.stdout)
	}
	isEmpty(t, dir)
}

func TestABucketThatCannotBe(t *testing.T) {
	t.Parallel()
	file := files{"gputally.yaml": ""}.write(t)
	for command, args := range map[string][]string{
		"close":  {"close", "--from=2026-11-20T10:00:00Z"},
		"report": {"report"},
		"serve":  {"serve"},
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(file, "below")
			config := files{"gputally.yaml": mainFile(emptyPrometheus(t), fmt.Sprintf("{url: %q}", "file://"+path))}.write(t)
			run(t, now, append(args, "--config="+config)...).want(t, reporter.ExitBucket, path, "not a directory")
		})
	}
}

func TestLiveCheckOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	file := files{"gputally.yaml": ""}.write(t)
	url := closedPort(t)
	config := files{"gputally.yaml": mainFile(url, fmt.Sprintf("{url: %q}", "file://"+file+"/below"))}.write(t)
	got := run(t, now, "check", "--live", "--config="+config)
	got.want(t, reporter.ExitNotReady, "not ready: 2 of the checks")
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	var marks []string
	for _, line := range lines {
		marks = append(marks, line[:strings.Index(line, " ")])
	}
	if diff := cmp.Diff([]string{"ok", "BAD", "BAD"}, marks); diff != "" || !strings.Contains(got.stdout, url) {
		t.Errorf("(-want +got)\n%s\n%s", diff, got.stdout)
	}
}
