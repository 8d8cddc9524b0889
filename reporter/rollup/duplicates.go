package rollup

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup/intern"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// movedMillis is the time for which two clusters may both have a GPU that moved
// from one to the other: what a restart hides.
const movedMillis = int64(5 * time.Minute / time.Millisecond)

// duplicates finds GPUs that several clusters of the report count for the same
// time: together they have the GPU for longer than the hour lasts. It has no
// cells, and keeps the GPUs of one hour.
type duplicates struct {
	all map[string]*report.Finding // of the hours before, by cluster

	// Of this hour:
	inside window.Window              // the part of it that is in the report
	gpus   *intern.Names              // UUIDs
	claims []claim                    // by number of the GPU
	shared map[uint32]map[string]bool // clusters that have the GPU, where there are several

	byCode []int64 // memory of add
}

// claim is the time of a GPU in an hour.
type claim struct {
	cluster string // that has it, the first one added
	millis  int64  // in all clusters
}

func newDuplicates() *duplicates { return &duplicates{all: map[string]*report.Finding{}} }

func (*duplicates) needs() needs {
	return needs{texts: []usage.Text{usage.TextUUID}, numbers: []usage.Number{usage.NumberGPU}}
}

func (d *duplicates) add(b *batch, _ cells) error {
	if b.inside != d.inside {
		d.count(d.all)
		d.inside, d.gpus, d.claims, d.shared = b.inside, intern.NewNames(), nil, map[uint32]map[string]bool{}
	}
	uuids := &b.Texts[usage.TextUUID]
	d.byCode = slices.Grow(d.byCode[:0], uuids.Len())[:uuids.Len()]
	clear(d.byCode)
	gpu := b.Numbers[usage.NumberGPU]
	for i, class := range b.classOf {
		if b.origins[class].stateName != usage.Absent {
			d.byCode[uuids.Codes[i]] += gpu[i]
		}
	}
	for code, millis := range d.byCode {
		if uuid := uuids.At(int32(code)); millis > 0 && len(uuid) > 0 {
			d.claim(d.gpus.IDOf(uuid), b.cluster, millis)
		}
	}
	return nil
}

// claim adds time of a GPU in a cluster.
func (d *duplicates) claim(gpu uint32, cluster string, millis int64) {
	for len(d.claims) <= int(gpu) {
		d.claims = append(d.claims, claim{cluster: cluster})
	}
	c := &d.claims[gpu]
	c.millis += millis
	if c.cluster == cluster {
		return
	}
	if d.shared[gpu] == nil {
		d.shared[gpu] = map[string]bool{c.cluster: true}
	}
	d.shared[gpu][cluster] = true
}

// count adds the duplicates of this hour to the findings of clusters. Where
// clusters share a GPU, each but the first by name has a finding that names the
// first.
func (d *duplicates) count(findings map[string]*report.Finding) {
	named := map[string][]string{}
	for gpu, clusters := range d.shared {
		if d.claims[gpu].millis <= d.inside.Duration().Milliseconds()+movedMillis {
			continue
		}
		sorted := slices.Sorted(maps.Keys(clusters))
		for _, cluster := range sorted[1:] {
			named[cluster] = append(named[cluster], fmt.Sprintf("%s (cluster %s)", d.gpus.Text(gpu), sorted[0]))
		}
	}
	for cluster, gpus := range named {
		if findings[cluster] == nil {
			findings[cluster] = &report.Finding{Cluster: cluster, Code: usage.GPUInTwoClusters}
		}
		countFinding(findings[cluster], usage.Finding{Count: len(gpus), Named: gpus})
	}
}

// finish adds the findings of all hours to the table. More may be added to this
// hour afterwards, so it is counted in a copy.
func (d *duplicates) finish(t *report.Table, _ func(report.Key) []int64) {
	all := map[string]*report.Finding{}
	for cluster, f := range d.all {
		copied := *f
		all[cluster] = &copied
	}
	d.count(all)
	for _, f := range all {
		t.Findings = append(t.Findings, *f)
	}
}

func (*duplicates) fill(*report.Row, []int64) {}
