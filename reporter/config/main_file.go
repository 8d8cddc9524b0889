package config

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"
)

// mainFile is gputally.yaml.
type mainFile struct {
	Cluster         string         `yaml:"cluster"`
	Prometheus      prometheusKeys `yaml:"prometheus"`
	NodePoolLabel   string         `yaml:"node_pool_label"`
	Clusters        []clusterKeys  `yaml:"clusters"`
	Bucket          bucketKeys     `yaml:"bucket"`
	Settle          duration       `yaml:"settle"`
	MinimumCoverage float64        `yaml:"minimum_coverage"`
	ReportDeadline  duration       `yaml:"report_deadline"`
	Ledger          ledgerKeys     `yaml:"ledger"`
	Reports         reportsKeys    `yaml:"reports"`
	Prices          string         `yaml:"prices"`
	Projects        string         `yaml:"projects"`
	Schedules       string         `yaml:"schedules"`
}

// newMainFile has the defaults, which a file overwrites.
func newMainFile() mainFile {
	return mainFile{
		Prometheus: prometheusKeys{
			Road:          DefaultRoad,
			Timeout:       duration(DefaultTimeout),
			MaxConcurrent: DefaultMaxConcurrent,
			HTTP:          httpClient{promconfig.DefaultHTTPClientConfig},
		},
		Settle:          duration(DefaultSettle),
		MinimumCoverage: DefaultMinimumCoverage,
		ReportDeadline:  duration(DefaultReportDeadline),
		Ledger: ledgerKeys{
			RestateWithin: duration(DefaultRestateWithin),
			Retain:        retainKeys{Edges: duration(DefaultRetainEdges)},
		},
	}
}

// check types the values and notes in d what is wrong with them.
func (f mainFile) check(d *document) *Config {
	if f.Settle < duration(Lookahead) {
		d.fail("settle", "must be at least %s, which the reporter reads beyond an hour's end, not %s", duration(Lookahead), f.Settle)
	}
	if c := f.MinimumCoverage; !(c >= 0 && c <= 1) {
		d.fail("minimum_coverage", "must be a ratio between 0 and 1, not %v", c)
	}
	return &Config{
		Clusters:        f.clusters(d),
		Bucket:          f.Bucket.check(d),
		Settle:          time.Duration(f.Settle),
		MinimumCoverage: f.MinimumCoverage,
		ReportDeadline:  time.Duration(f.ReportDeadline),
		Ledger:          f.Ledger.check(d),
		Reports:         f.Reports.check(d, f.Ledger.RestateWithin),
	}
}

// httpURL parses a URL of a server, nil if it is empty or wrong.
func (d *document) httpURL(path, text, example string, required bool) *url.URL {
	u, problem := parseURL(text)
	switch {
	case text == "" && !required:
		return nil
	case text == "":
		problem = "is required"
	case problem != "":
	case u.Scheme != "http" && u.Scheme != "https":
		problem = "must begin with http:// or https://"
	case u.Hostname() == "":
		problem = "has no host"
	case u.Port() != "":
		if n, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || n == 0 {
			problem = "has a port that is not from 1 to 65535"
		}
	}
	if problem != "" {
		d.fail(path, "%s; write for example %s", problem, example)
		return nil
	}
	return u
}

// parseURL parses what no URL of ours may lack or have. Its problem does not
// quote the URL, which may have a password.
func parseURL(text string) (u *url.URL, problem string) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, "is not a URL"
	case u.User != nil:
		return nil, "has credentials in it, which would be printed"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return nil, "has a query or a fragment"
	}
	return u, ""
}
