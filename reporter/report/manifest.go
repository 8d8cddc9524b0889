package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// ManifestVersion is the version of the manifest's fields. Fields are only
// ever added to a version.
const ManifestVersion = 1

// Manifest says what a report is, what it was made from, and which files it
// has. Decimal numbers are text, so that no reader makes floats of them.
type Manifest struct {
	Version     int         `json:"version"`
	Name        string      `json:"name"`
	ID          string      `json:"id"`
	State       State       `json:"state"`
	Provisional bool        `json:"provisional"`
	Period      Period      `json:"period"`
	GroupBy     []Dimension `json:"group_by"`
	Clusters    []string    `json:"clusters"`
	AllClusters bool        `json:"all_clusters,omitempty"` // nobody chose among them

	Inputs         Inputs   `json:"inputs"`
	Missing        []Gap    `json:"missing_hours"`
	SourceProfiles []string `json:"source_profiles"`
	Roads          []string `json:"roads"`

	Coverage ManifestCoverage `json:"coverage"`
	Totals   Totals           `json:"totals"`

	Currency          string `json:"currency,omitempty"`
	PriceBookRevision string `json:"price_book_revision,omitempty"`
	QuotaRevision     string `json:"quota_revision,omitempty"`
	// Terms are absent in manifests that earlier versions wrote.
	Terms *Terms `json:"terms,omitempty"`

	Failures []string `json:"failures"`
	Warnings []string `json:"warnings"`
	// Findings are those of the hours, and what the report found itself.
	Findings   []Finding `json:"findings"`
	Supersedes string    `json:"supersedes,omitempty"`
	Files      []File    `json:"files"`

	CreatedAt string `json:"created_at,omitempty"` // RFC 3339, UTC

	stored []byte // as it was read, nil for one that is to be written
}

// Terms are hashes of what was said of the report's period and clusters, as far as
// the report shows it. Each is "" if nothing was said.
type Terms struct {
	Prices string `json:"prices,omitempty"`
	Quotas string `json:"quotas,omitempty"`
	Owners string `json:"owners,omitempty"` // of namespaces
}

// Period is the time that a report is about.
type Period struct {
	Key      string `json:"key"`
	From     string `json:"from"` // RFC 3339 in the time zone
	To       string `json:"to"`   // first instant after
	TimeZone string `json:"time_zone"`
}

// ManifestCoverage is what is known of the period.
type ManifestCoverage struct {
	Ratio   Ratio       `json:"ratio"`
	Minimum json.Number `json:"minimum"`
	Known
	Clusters []ClusterCoverage `json:"clusters"` // sorted
}

// ClusterCoverage is what is known of the period in one cluster.
type ClusterCoverage struct {
	Cluster string `json:"cluster"`
	Ratio   Ratio  `json:"ratio"`
	Known
}

// Known is what a coverage is made of: hours, and GPU-seconds.
type Known struct {
	HoursAsked   int    `json:"hours_asked"`
	HoursClosed  int    `json:"hours_closed"`
	HoursOpen    int    `json:"hours_open,omitempty"` // read while open, by a preview
	Expected     string `json:"expected_gpu_seconds"`
	Allocated    string `json:"allocated_gpu_seconds"`
	Unallocated  string `json:"unallocated_gpu_seconds"`
	Unattributed string `json:"unattributed_gpu_seconds"`
	Unavailable  string `json:"unavailable_gpu_seconds"`
	Uncovered    string `json:"uncovered_gpu_seconds"`
	Estimated    string `json:"estimated_gpu_seconds"`
	Residue      string `json:"residue_gpu_seconds"`
	Absent       string `json:"absent_gpu_seconds"` // no part of what is expected
}

// Totals are the sums over all rows.
type Totals struct {
	GPUSeconds          string `json:"gpu_seconds"`
	AllocatedGPUSeconds string `json:"allocated_gpu_seconds"`
	Cost                string `json:"cost,omitempty"` // absent if not known
}

// File is one file of a report, other than the manifest.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Rows   int    `json:"rows"` // without the header
	SHA256 string `json:"sha256"`
}

// Manifest describes the table. The zero time leaves created_at out. The name,
// the id, the period's key, what is superseded and the files are given when the
// table is published.
func (t Table) Manifest(created time.Time) Manifest {
	m := Manifest{
		Version: ManifestVersion,
		State:   t.State(), Provisional: t.Spec.Provisional,
		Period: Period{
			From:     t.Spec.Window.From.In(t.Zone).Format(time.RFC3339),
			To:       t.Spec.Window.To.In(t.Zone).Format(time.RFC3339),
			TimeZone: t.Zone.String(),
		},
		GroupBy: orEmpty(t.Spec.Columns()), Clusters: orEmpty(t.Clusters), AllClusters: t.Spec.AllClusters,
		Inputs: t.Inputs, Missing: orEmpty(t.Missing),
		SourceProfiles: orEmpty(t.Sources), Roads: orEmpty(t.Roads),
		Coverage: t.coverage(),
		Totals:   Totals{seconds(t.Total.GPUMillis), seconds(t.Total.AllocatedMillis), ""},
		Currency: t.Currency, PriceBookRevision: t.PriceBookRevision, QuotaRevision: t.QuotaRevision,
		Failures: orEmpty(t.Failures), Warnings: orEmpty(t.Warnings), Findings: orEmpty(t.Findings),
		Files: []File{},
	}
	if t.Currency != "" {
		m.Totals.Cost = string(appendCost(nil, &t.Total))
	}
	if !created.IsZero() {
		m.CreatedAt = created.UTC().Format(time.RFC3339)
	}
	return m
}

func (t Table) coverage() ManifestCoverage {
	m := ManifestCoverage{
		Ratio: t.Coverage.Ratio(), Minimum: json.Number(fmt.Sprint(t.Spec.MinimumCoverage)),
		Known: t.Coverage.known(), Clusters: []ClusterCoverage{},
	}
	for i, name := range t.Clusters {
		c := t.ByCluster[i]
		m.Clusters = append(m.Clusters, ClusterCoverage{name, c.Ratio(), c.known()})
	}
	return m
}

func (c Coverage) known() Known {
	return Known{
		HoursAsked: c.HoursAsked, HoursClosed: c.HoursClosed, HoursOpen: c.HoursOpen,
		Expected:     seconds(c.Expected),
		Allocated:    seconds(c.Allocated),
		Unallocated:  seconds(c.Unallocated),
		Unattributed: seconds(c.Unattributed),
		Unavailable:  seconds(c.Unavailable),
		Uncovered:    seconds(c.Uncovered),
		Estimated:    seconds(c.Estimated),
		Residue:      seconds(c.Residue),
		Absent:       seconds(c.Absent),
	}
}

// orEmpty makes an empty list of none, which JSON writes as [] and not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Encode writes the manifest as indented JSON that ends with a line feed. One
// that was read is written as it was.
func (m Manifest) Encode() ([]byte, error) {
	if m.stored != nil {
		return m.stored, nil
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("encode manifest of report %q: %w", m.Name, err)
	}
	return out.Bytes(), nil
}

// Same reports whether two manifests say the same, whenever they were made. Of one
// that an earlier version wrote, what it says counts and not how.
func (m Manifest) Same(o Manifest) bool {
	m.CreatedAt, o.CreatedAt, m.stored, o.stored = "", "", nil, nil
	a, err := m.Encode()
	b, otherErr := o.Encode()
	return err == nil && otherErr == nil && bytes.Equal(a, b)
}

// DecodeManifest reads a manifest of this version, also one with fields that
// were added later.
func DecodeManifest(data []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, fmt.Errorf("decode manifest: %w", err)
	}
	if m.Version != ManifestVersion {
		return Manifest{}, fmt.Errorf("manifest of report %q has version %d, and %d is known: use a newer gputally-reporter",
			m.Name, m.Version, ManifestVersion)
	}
	if m.Findings == nil {
		if err := m.readOldFindings(data); err != nil {
			return Manifest{}, err
		}
	}
	m.stored = bytes.Clone(data)
	return m, nil
}
