package serve_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// of is the value of a family for a cluster, -1 if there is none.
func (r *replica) of(t *testing.T, name, cluster string) float64 {
	t.Helper()
	all, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && len(m.GetLabel()) > 0 && m.GetLabel()[0].GetValue() == cluster {
				return m.GetGauge().GetValue()
			}
		}
	}
	return -1
}

const (
	monthHours = "gputally_project_month_to_date_gpu_hours"
	lacking    = "gputally_reporter_figures_lacking_hours"
	until      = "gputally_reporter_figures_until_timestamp_seconds"
)

// The figures go on without a cluster that is away, and say what they lack.
func TestFiguresDoNotWaitForADeadCluster(t *testing.T) {
	t.Parallel()
	b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1", "eu-2")
	r := newReplica(t, b, instant("2026-11-20T02:11:00Z"), "eu-1", "eu-2")
	r.passes(t, 2*time.Minute)
	if got := r.gauge(t, monthHours); got != 52 || r.of(t, lacking, "eu-2") != 0 {
		t.Fatalf("at first they are %v GPU-hours", got)
	}
	r.fault = away("eu-2")
	r.passes(t, 10*time.Hour+5*time.Minute)
	if got := r.gauge(t, monthHours); got != 62 {
		t.Errorf("while it is away they are %v GPU-hours, want 62", got)
	}
	if got := r.of(t, lacking, "eu-2"); got != 10 || r.of(t, lacking, "eu-1") != 0 {
		t.Errorf("they lack %v hours of the dead one and %v of the other", got, r.of(t, lacking, "eu-1"))
	}
	if got := int64(r.gauge(t, until)); got != instant("2026-11-20T12:00:00Z").Unix() {
		t.Errorf("they go up to %s", time.Unix(got, 0).UTC())
	}
	r.fault = nil
	r.passes(t, 40*time.Minute)
	if got := r.gauge(t, monthHours); got != 72 || r.of(t, lacking, "eu-2") != 0 {
		t.Errorf("when it is back they are %v GPU-hours, and lack %v", got, r.of(t, lacking, "eu-2"))
	}
}

// A cluster that closes an hour minutes after the others makes no figure jump.
func TestFiguresWaitForAClusterThatIsALittleBehind(t *testing.T) {
	t.Parallel()
	b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1", "eu-2")
	r := newReplica(t, b, instant("2026-11-20T02:11:00Z"), "eu-1", "eu-2")
	r.passes(t, 2*time.Minute)
	r.fault = away("eu-2")
	r.passes(t, time.Hour)
	if got := r.gauge(t, monthHours); got != 52 || r.of(t, lacking, "eu-2") != 0 {
		t.Errorf("after an hour they are %v GPU-hours", got)
	}
}

// One cluster's index is damaged, or holds many hours that can't be read.
func TestFiguresOfOthersGoOnWhereOneClusterIsDamaged(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		damage func(*testing.T, bucket.Bucket)
		want   float64
	}{
		"its index": {func(t *testing.T, b bucket.Bucket) {
			t.Helper()
			spoil(t, b, "index/hours/cluster=eu-2/2026-11.json", func(data []byte) []byte { return data[:len(data)/2] })
		}, 27},
		"half of its hours": {func(t *testing.T, b bucket.Bucket) {
			t.Helper()
			for hour := range (window.Window{From: instant("2026-11-19T06:00:00Z"), To: instant("2026-11-19T18:00:00Z")}).Hours() {
				spoil(t, b, ledger.Key("eu-2", hour), func([]byte) []byte { return []byte("rubbish") })
			}
		}, 27 + 27 - 12},
		"its latest hour": {func(t *testing.T, b bucket.Bucket) {
			t.Helper()
			spoil(t, b, ledger.Key("eu-2", window.Hour(instant("2026-11-20T00:00:00Z"))), func([]byte) []byte { return nil })
		}, 27 + 27},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1", "eu-2")
			tt.damage(t, b)
			r := newReplica(t, b, instant("2026-11-20T02:11:00Z"), "eu-1", "eu-2")
			r.fault = func(cluster string, hour window.Window) error {
				if cluster == "eu-2" && hour.From.Before(instant("2026-11-20T00:00:00Z")) {
					return errors.New("two samples at one time")
				}
				return nil
			}
			r.passes(t, time.Hour)
			if got := r.gauge(t, monthHours); got != tt.want {
				t.Errorf("they are %v GPU-hours, want %v; lacking %v\n%s", got, tt.want, r.of(t, lacking, "eu-2"), r.log)
			}
		})
	}
}
