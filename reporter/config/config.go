package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/schedule"
)

// Lookahead is how far beyond an hour's end the reporter reads, to interpolate
// the hour's edge between real samples. No hour can be final before.
const Lookahead = 5 * time.Minute

// Defaults of the main file.
const (
	DefaultTimeout         = 2 * time.Minute
	DefaultRoad            = "auto"
	DefaultMaxConcurrent   = 2
	DefaultSettle          = 10 * time.Minute
	DefaultMinimumCoverage = 0.99
	DefaultReportDeadline  = 6 * time.Hour
	DefaultRestateWithin   = 35 * 24 * time.Hour
	DefaultRetainEdges     = 90 * 24 * time.Hour
)

// Config is a checked configuration.
type Config struct {
	Clusters        []Cluster // at least one, in the order of the file; no two read the same series
	Bucket          Bucket
	Settle          time.Duration // at least Lookahead
	MinimumCoverage float64       // ratio, 0 to 1
	ReportDeadline  time.Duration // after the release of its period, up to which a report waits for clusters that are behind
	Ledger          Ledger
	Reports         Reports
	Prices          *price.Book     // nil without a price book: reports have no cost
	Projects        *quota.Projects // nil without a projects file: reports have no projects and no quota
	Schedules       []schedule.Schedule
}

// Cluster is a cluster whose hours are closed.
type Cluster struct {
	Name          string // in object keys and reports
	Prometheus    Prometheus
	NodePoolLabel string // of kube_node_labels; "" if node pools come from the projects file only
}

// Prometheus says how the samples of a cluster are read.
type Prometheus struct {
	URLs          []*url.URL // http or https, without credentials; several are replicas of one source
	Road          string     // auto, remote_read, export or json
	Timeout       time.Duration
	MaxConcurrent int               // requests to one server at one time, at least 1
	Selector      map[string]string // label → value, added to every read of the collectors' series
	// NodeLabelsSelector is what is added to the reads of kube-state-metrics
	// instead, complete.
	NodeLabelsSelector map[string]string
	HTTP               promconfig.HTTPClientConfig
}

// String names the servers.
func (p Prometheus) String() string {
	urls := make([]string, len(p.URLs))
	for i, u := range p.URLs {
		urls[i] = u.String()
	}
	return fmt.Sprintf("%s, timeout %s", strings.Join(urls, " and "), p.Timeout)
}

// Format prints String whatever the verb, because HTTP has credentials that a
// %+v would print.
func (p Prometheus) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "{%s}", p.String()) }

// MarshalText gives String, so that no log in JSON has the credentials either.
func (p Prometheus) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Bucket says where the ledger and the reports are.
type Bucket struct {
	URL       *url.URL // s3://bucket/prefix or file:///path
	Region    string
	Endpoint  *url.URL // nil for AWS' own
	PathStyle bool
	SSE       string        // "", AES256 or aws:kms
	KMSKeyID  string        // "" for the account's default key
	Timeout   time.Duration // how long the store may send nothing; 0 for the default
	TLS       BucketTLS
}

// BucketTLS says whom an S3 server's certificate must come from, and who we are.
type BucketTLS struct {
	CAFile             string // PEM file, trusted besides the system's authorities; "" for none
	CertFile, KeyFile  string // PEM files of the reporter's own certificate, both or none
	ServerName         string // in the server's certificate, "" for the endpoint's host
	InsecureSkipVerify bool
}

// Reports says how long published reports are kept.
type Reports struct {
	Retain time.Duration // after the end of their period; 0 is for ever
}

// Ledger says how long closed hours may change and are kept.
type Ledger struct {
	RestateWithin time.Duration // after an hour's end
	Retain        Retain
}

// Retain says how long objects of the ledger are kept, after the end of the
// hour or day that they are of; 0 is for ever.
type Retain struct{ Hourly, Daily, History, Edges time.Duration }
