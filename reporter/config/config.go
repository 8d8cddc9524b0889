package config

import (
	"fmt"
	"net/url"
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
	DefaultSettle          = 10 * time.Minute
	DefaultMinimumCoverage = 0.99
)

// Config is a checked configuration.
type Config struct {
	Cluster         string // in object keys and reports
	Prometheus      Prometheus
	Bucket          Bucket
	Settle          time.Duration   // at least Lookahead
	NodePoolLabel   string          // of kube_node_labels; "" if node pools come from the projects file only
	MinimumCoverage float64         // ratio, 0 to 1
	Prices          *price.Book     // nil without a price book: reports have no cost
	Projects        *quota.Projects // nil without a projects file: reports have no projects and no quota
	Schedules       []schedule.Schedule
}

// Prometheus says how samples are read.
type Prometheus struct {
	URL      *url.URL // http or https, without credentials
	Timeout  time.Duration
	Selector map[string]string // label → value, added to every read
	HTTP     promconfig.HTTPClientConfig
}

// String names the server.
func (p Prometheus) String() string { return fmt.Sprintf("%s, timeout %s", p.URL, p.Timeout) }

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
	SSE       string // "", AES256 or aws:kms
	KMSKeyID  string // "" for the account's default key
}
