//go:build real

package cmd_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gputally/gputally/internal/s3server"
	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/open"
	"github.com/gputally/gputally/reporter/bucket/s3"
	"github.com/gputally/gputally/reporter/report"
)

// price is what the tests' price book asks for a GPU-hour.
const price = 3.2

const pricesYAML = `currency: EUR
rates:
- {model: "NVIDIA H200", gpu_hour: "3.20"}
`

const projectsYAML = `projects:
- {name: vision, department: research, namespaces: [vision-*], quota: [{deserved: 0.5}]}
- {name: search, department: product, namespaces: [search], quota: [{deserved: 1}]}
`

// books is a configured reporter with the bucket that it writes to.
type books struct {
	binary string
	dir    string // of the configuration
	env    []string
	bucket bucket.Bucket
}

// newBooks starts an S3 server and configures the reporter.
func newBooks(t *testing.T, binary, prometheus string) *books {
	t.Helper()
	server, err := s3server.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	if err := server.CreateBucket(t.Context(), "books"); err != nil {
		t.Fatal(err)
	}
	b := &books{binary: binary, env: append(os.Environ(),
		"AWS_ACCESS_KEY_ID="+server.AccessKey, "AWS_SECRET_ACCESS_KEY="+server.SecretKey,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")}
	b.dir = writeFiles(t, map[string]string{
		"prices.yaml": pricesYAML, "projects.yaml": projectsYAML,
		"gputally.yaml": fmt.Sprintf(`cluster: prod
prometheus: {url: %q, selector: {job: gputally-collector}}
bucket: {url: s3://books/gpu, endpoint: %q, region: %s, path_style: true}
settle: 5m
prices: prices.yaml
projects: projects.yaml
`, prometheus, server.Endpoint, server.Region),
	})
	b.bucket, err = open.Bucket(t.Context(), open.Config{
		URL: "s3://books/gpu", Endpoint: server.Endpoint, Region: server.Region, PathStyle: true,
		Keys: s3.Keys{AccessKey: server.AccessKey, SecretKey: server.SecretKey},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run runs the reporter's binary, which must succeed, and returns what it prints.
func (b *books) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), b.binary, append([]string{"--config=" + filepath.Join(b.dir, "gputally.yaml")}, args...)...)
	cmd.Env = b.env
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("gputally-reporter %v: %v\n%s%s", args, err, &out, &log)
	}
	return out.String()
}

func (b *books) read(t *testing.T, key string) []byte {
	t.Helper()
	body, _, err := b.bucket.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

// published is a report as it lies in the bucket.
type published struct {
	prefix   string
	manifest report.Manifest
	csv      []byte
	rows     []row
}

// row is a line of the CSV file by column.
type row map[string]string

// report finds the only report of a name through the index, and holds its
// objects against what index and manifest say of them.
func (b *books) report(t *testing.T, name string) published {
	t.Helper()
	var records []archive.Record
	for r, err := range archive.New(archive.Config{Bucket: b.bucket}).List(t.Context(), archive.Query{Name: name}) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	if len(records) != 1 {
		t.Fatalf("the index has %d reports %q, want 1", len(records), name)
	}
	record := records[0]
	p := published{prefix: record.KeyPrefix}
	encoded := b.read(t, p.prefix+"manifest.json")
	if got := sum(encoded); got != record.ManifestSHA256 {
		t.Errorf("the manifest has checksum %s, the index says %s", got, record.ManifestSHA256)
	}
	var err error
	if p.manifest, err = report.DecodeManifest(encoded); err != nil {
		t.Fatal(err)
	}
	p.csv = b.read(t, p.prefix+"report.csv")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s:\n%s%s", p.prefix, encoded, p.csv)
		}
	})
	lines, err := csv.NewReader(bytes.NewReader(p.csv)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		r := row{}
		for i, column := range lines[0] {
			r[column] = line[i]
		}
		p.rows = append(p.rows, r)
	}
	want := report.File{Name: "report.csv", Size: int64(len(p.csv)), Rows: len(p.rows), SHA256: sum(p.csv)}
	if m := p.manifest; m.State != report.Ready || len(m.Files) != 1 || m.Files[0] != want {
		t.Errorf("the report is %s and its files are %+v, want %+v; failures %q", m.State, m.Files, want, m.Failures)
	}
	if record.ID != p.manifest.ID || record.Rows != len(p.rows) || record.State != p.manifest.State {
		t.Errorf("the index has another report: %+v", record)
	}
	return p
}

// keys are the values of some columns, row by row.
func (p published) keys(columns ...string) (keys [][]string) {
	for _, r := range p.rows {
		var key []string
		for _, c := range columns {
			key = append(key, r[c])
		}
		keys = append(keys, key)
	}
	return keys
}

// row returns the only row with the value in a column.
func (p published) row(t *testing.T, column, value string) row {
	t.Helper()
	var match []row
	for _, r := range p.rows {
		if r[column] == value {
			match = append(match, r)
		}
	}
	if len(match) != 1 {
		t.Fatalf("%d rows have %s %q, want 1", len(match), column, value)
	}
	return match[0]
}

func (p published) sum(t *testing.T, column string) (sum float64) {
	t.Helper()
	for _, r := range p.rows {
		sum += r.number(t, column)
	}
	return sum
}

// consistent expects that the rows sum to the totals and to the coverage of the
// manifest, and that the states are the fleet.
func (p published) consistent(t *testing.T) {
	t.Helper()
	m := p.manifest
	same := func(what string, got float64, want string) {
		t.Helper()
		w, err := strconv.ParseFloat(want, 64)
		if err != nil || math.Abs(got-w) > 1e-6 {
			t.Errorf("%s: the rows sum to %f, the manifest says %q", what, got, want)
		}
	}
	same("GPU-seconds", p.sum(t, "gpu_seconds"), m.Totals.GPUSeconds)
	same("allocated", p.sum(t, "allocated_gpu_seconds"), m.Totals.AllocatedGPUSeconds)
	cost := 0.0
	for _, r := range p.rows {
		if r["cost"] != "" {
			cost += r.number(t, "cost")
		}
	}
	same("cost", cost, m.Totals.Cost)
	expected, err1 := strconv.ParseFloat(m.Coverage.Expected, 64)
	residue, err2 := strconv.ParseFloat(m.Coverage.Residue, 64)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	const most = 1.0 // s: before a collector's first poll nothing is counted
	if got := p.sum(t, "gpu_seconds"); math.Abs(got+residue-expected) > 1e-6 || math.Abs(residue) > most {
		t.Errorf("the states sum to %.3f GPU-seconds and the residue is %.3f, expected are %.3f", got, residue, expected)
	}
}

func (r row) number(t *testing.T, column string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(r[column], 64)
	if err != nil {
		t.Fatalf("column %s: %v in %v", column, err, r)
	}
	return v
}

// costs expects the price of the row's hours, rounded at each segment.
func (r row) costs(t *testing.T) {
	t.Helper()
	want := r.number(t, "gpu_seconds") / 3600 * price
	if got := r.number(t, "cost"); math.Abs(got-want) > 1e-5 || r["currency"] != "EUR" {
		t.Errorf("%s costs %s %s, want %.6f", r["pod"], r["cost"], r["currency"], want)
	}
}
