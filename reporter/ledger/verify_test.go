package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// trueHour is an hour whose parts make the whole.
func trueHour(hour window.Window) usage.Hour {
	h := smallHour(hour)
	h.Coverage = usage.Coverage{Expected: 3_600_000, Allocated: 3_600_000}
	return h
}

// closeTrue closes an hour of the day with edges that go on from one another.
func closeTrue(t testing.TB, b bucket.Bucket, hour window.Window, change func(*usage.Hour)) {
	t.Helper()
	h := trueHour(hour)
	if change != nil {
		change(&h)
	}
	l := ledger.New(b, ledger.Config{Version: "1.2.3"})
	d, err := l.Draft("prod", hour)
	if err != nil {
		t.Fatal(err)
	}
	edge := func(at time.Time) []usage.Edge { return edgesAt(at.Unix() - theDay(t).From.Unix()) }
	if err := d.Add(usage.Part{Segments: h.Segments, Opening: edge(hour.From), Closing: edge(hour.To)}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Commit(context.Background(), d, h); err != nil {
		t.Fatal(err)
	}
}

// trueBooks are the hours of a day, two of them restated, compacted, some pruned.
func trueBooks(t testing.TB) *dated {
	t.Helper()
	b := newDated(t)
	for hour := range theDay(t).Hours() {
		closeTrue(t, b, hour, func(h *usage.Hour) { h.Source = "dcgm" })
		if hour.From.Hour() >= 6 {
			continue
		}
		closeTrue(t, b, hour, nil)
	}
	compact(t, b)
	prune(t, b, ledger.Pruning{Retention: ledger.Retention{Hourly: oneDay}, Now: at(t, "2026-11-21T04:00:00Z")})
	return b
}

func findings(t testing.TB, b bucket.Bucket, v ledger.Verification) []string {
	t.Helper()
	var all []string
	err := ledger.New(b, ledger.Config{}).Verify(context.Background(), "prod", v, func(f ledger.Finding) error {
		all = append(all, f.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestVerifyFindsNothingWrongWithTrueBooks(t *testing.T) {
	t.Parallel()
	b := trueBooks(t)
	if n := count(t, b, "ledger/hourly/"); n != 20 {
		t.Fatalf("%d hours have an object of their own", n)
	}
	for _, w := range []window.Window{theDay(t), hourAt(t, "2026-11-20T05:00:00Z"), {From: at(t, "2026-11-01T00:00:00Z"), To: at(t, "2026-12-01T00:00:00Z")}} {
		if got := findings(t, b, ledger.Verification{Window: w}); len(got) > 0 {
			t.Errorf("%s: %q", w, got)
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	const (
		early = "ledger/hourly/cluster=prod/date=2026-11-20/hour=04/usage.parquet"
		late  = "ledger/hourly/cluster=prod/date=2026-11-20/hour=22/usage.parquet"
		old   = "ledger/history/cluster=prod/date=2026-11-20/hour=03/revision=1/usage.parquet"
		edges = "ledger/edges/cluster=prod/date=2026-11-20/hour=12/"
	)
	twelve := hourAt(t, "2026-11-20T12:00:00Z")
	tests := map[string]struct {
		happen func(t *testing.T, b *dated)
		want   []string // parts of findings, in order
	}{
		"an hour is damaged": {
			func(t *testing.T, b *dated) { overwrite(t, b, late, flip(read(t, b, late), 99)) },
			[]string{"damaged: " + late + ": its content has changed since it was written; restate the hour"},
		},
		"an hour is another's": {
			func(t *testing.T, b *dated) { overwrite(t, b, late, read(t, b, early)) },
			[]string{"damaged: " + late + ": it holds 2026-11-20T04:00:00Z"},
		},
		"an hour is of a later schema": {func(t *testing.T, b *dated) {
			overwrite(t, b, late, reseal(t, bytes.Replace(read(t, b, late), []byte("gputally.schema\x18\x011"), []byte("gputally.schema\x18\x012"), 1)))
		}, []string{"damaged: " + late + ": its schema is 2; use the version of gputally that wrote it"}},
		"the day is damaged": {
			func(t *testing.T, b *dated) { overwrite(t, b, dayKey, flip(read(t, b, dayKey), 99)) },
			[]string{"damaged: " + dayKey + ": its content has changed since it was written; make the day again"},
		},
		"the history is damaged": {
			func(t *testing.T, b *dated) { overwrite(t, b, old, flip(read(t, b, old), 99)) },
			[]string{"damaged: " + old + ": its content has changed since it was written; move it away"},
		},
		"the history holds another revision": {
			func(t *testing.T, b *dated) {
				overwrite(t, b, strings.Replace(old, "revision=1", "revision=7", 1), read(t, b, old))
			},
			[]string{"damaged: ledger/history/cluster=prod/date=2026-11-20/hour=03/revision=7/usage.parquet: it holds revision 1"},
		},
		"edges are gone": {
			func(t *testing.T, b *dated) { remove(t, b, keys(t, b, edges)...) },
			[]string{"edge: " + edges, "edges at 2026-11-20T12:00:00Z are gone; restate both hours"},
		},
		"edges are damaged": {func(t *testing.T, b *dated) {
			key := keys(t, b, edges)[0]
			overwrite(t, b, key, flip(read(t, b, key), 99))
		}, []string{"damaged: " + edges, "its content has changed"}},
		"the rows of edges are others than their footer says": {func(t *testing.T, b *dated) {
			key := keys(t, b, edges)[0]
			name := bytes.Split(read(t, b, key), []byte("gputally.rows_sha256\x18@"))[1][:64]
			other := empty()
			closeWith(t, other, twelve, edgesAt(1), nil)
			forged := read(t, other, keys(t, other, edges)[0])
			was := bytes.Split(forged, []byte("gputally.rows_sha256\x18@"))[1][:64]
			overwrite(t, b, key, reseal(t, bytes.Replace(forged, was, name, 1)))
		}, []string{"damaged: " + edges, "the digest of its rows is"}},
		"an hour counts from other edges": {func(t *testing.T, b *dated) {
			l := ledger.New(b, ledger.Config{})
			d, _ := l.Draft("prod", twelve)
			h := trueHour(twelve)
			if err := d.Add(usage.Part{Segments: h.Segments, Opening: edgesAt(1), Closing: edgesAt(13 * 3600)}); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Commit(context.Background(), d, h); err != nil {
				t.Fatal(err)
			}
			compact(t, b)
		}, []string{"edge: ledger/hourly/cluster=prod/date=2026-11-20/hour=12/usage.parquet: it counts from other edges than those that hour 2026-11-20T11:00:00Z closed with; restate both"}},
		"the day has another revision": {
			func(t *testing.T, b *dated) { closeTrue(t, b, twelve, func(h *usage.Hour) { h.Source = "requests" }) },
			[]string{"behind: " + dayKey + ": it has revision 1 of hour 2026-11-20T12:00:00Z, whose revision is 2; make the day again"},
		},
		"the day lacks an hour": {func(t *testing.T, b *dated) {
			remove(t, b, dayKey)
			for hour := range theDay(t).Hours() {
				closeTrue(t, b, hour, func(h *usage.Hour) { h.Source = "dcgm" })
			}
			data := read(t, b, late)
			remove(t, b, late)
			if _, err := ledger.New(b, ledger.Config{}).Compact(context.Background(), "prod", theDay(t), ledger.Compaction{Partial: true}); err != nil {
				t.Fatal(err)
			}
			overwrite(t, b, late, data)
		}, []string{"it lacks hour 2026-11-20T22:00:00Z"}},
		"a stray object": {func(t *testing.T, b *dated) {
			overwrite(t, b, "ledger/hourly/cluster=prod/copy.parquet", nil)
			overwrite(t, b, "ledger/daily/cluster=prod/date=2026-11-20/copy.parquet", nil)
		}, []string{"stray: ledger/hourly/cluster=prod/copy.parquet: it is not named like an object of the ledger; move it away", "stray: ledger/daily/cluster=prod/date=2026-11-20/copy.parquet"}},
		"a sum of the footer is another": {func(t *testing.T, b *dated) {
			closeTrue(t, b, twelve, func(h *usage.Hour) { h.Coverage.Allocated++; h.Coverage.Estimated = 5 })
			compact(t, b)
		}, []string{"conservation: ledger/hourly/cluster=prod/date=2026-11-20/hour=12/usage.parquet: its sums are not those of its rows: gputally.allocated_ms is 3600001 and should be 3600000; gputally.estimated_ms is 5 and should be 0; gputally.residue_ms is 0 and should be -1"}},
		"the states of GPUs don't make the hour": {func(t *testing.T, b *dated) {
			closeTrue(t, b, twelve, func(h *usage.Hour) {
				for i := range h.Segments {
					h.Segments[i].UUID = []string{"GPU-1", "GPU-2"}[i]
				}
			})
			compact(t, b)
		}, []string{"the states of a GPU don't make 3600 s: GPU GPU-1 has 1200.000 s; GPU GPU-2 has 2400.000 s"}},
		"more was held than there is": {func(t *testing.T, b *dated) {
			closeTrue(t, b, twelve, func(h *usage.Hour) { h.Segments[1].HeldFrom -= 10_000 })
			compact(t, b)
		}, []string{"more was held of a GPU than there is: GPU GPU-1 by 10.000 s"}},
		"more was held than there is, of which less is late": {func(t *testing.T, b *dated) {
			closeTrue(t, b, twelve, func(h *usage.Hour) { h.Segments[1].HeldFrom -= 10_000; h.Coverage.Late = 9_999 })
			compact(t, b)
		}, []string{"more was held of a GPU than there is: GPU GPU-1 by 10.000 s"}},
		"a state is none": {func(t *testing.T, b *dated) {
			closeTrue(t, b, twelve, func(h *usage.Hour) { h.Segments[1].State = "lent" })
			compact(t, b)
		}, []string{`rows: ledger/hourly/cluster=prod/date=2026-11-20/hour=12/usage.parquet: segment 1 (GPU GPU-1, pod team/two): state "lent" is none`, "conservation", "conservation"}},
		"the rows are others than the footer says": {func(t *testing.T, b *dated) {
			key := ledger.Key("prod", twelve)
			was := read(t, b, key)
			digest := bytes.Split(was, []byte("gputally.rows_sha256\x18@"))[1][:64]
			overwrite(t, b, key, reseal(t, bytes.Replace(was, digest, bytes.Repeat([]byte("a"), 64), 1)))
			compact(t, b)
		}, []string{"rows: ledger/hourly/cluster=prod/date=2026-11-20/hour=12/usage.parquet: the digest of its rows is", "behind: " + dayKey + ": its rows of hour 2026-11-20T12:00:00Z are others"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := trueBooks(t)
			tt.happen(t, b)
			rest := strings.Join(findings(t, b, ledger.Verification{Window: theDay(t)}), "\n")
			all := rest
			for _, part := range tt.want {
				at := strings.Index(rest, part)
				if at < 0 {
					t.Fatalf("findings\n%s\nlack %q", all, part)
				}
				rest = rest[at+len(part):]
			}
			last := tt.want[len(tt.want)-1]
			if strings.Contains(rest, "\n") {
				t.Errorf("findings behind %q:\n%s", last, all)
			}
		})
	}
}

func TestVerifyLetsLateTimeLieOnOtherRows(t *testing.T) {
	t.Parallel()
	b := trueBooks(t)
	twelve := hourAt(t, "2026-11-20T12:00:00Z")
	closeTrue(t, b, twelve, func(h *usage.Hour) { h.Segments[1].HeldFrom -= 10_000; h.Coverage.Late = 10_000 })
	compact(t, b)
	if got := findings(t, b, ledger.Verification{Window: theDay(t)}); len(got) > 0 {
		t.Errorf("found %q", got)
	}
}

func TestVerifyDoesNotMissEdgesThatWerePruned(t *testing.T) {
	t.Parallel()
	b := trueBooks(t)
	now := at(t, "2026-11-21T12:00:00Z")
	prune(t, b, ledger.Pruning{Retention: ledger.Retention{Edges: oneDay}, Now: now})
	if got := findings(t, b, ledger.Verification{Window: theDay(t), EdgesSince: now.Add(-oneDay)}); len(got) > 0 {
		t.Errorf("found %q", got)
	}
	if got := findings(t, b, ledger.Verification{Window: theDay(t)}); len(got) == 0 {
		t.Error("found nothing without being told")
	}
}

func TestVerifyTakesNoLostSamplesForAContradiction(t *testing.T) {
	t.Parallel()
	b := empty()
	five, six := hourAt(t, "2026-11-20T05:00:00Z"), hourAt(t, "2026-11-20T06:00:00Z")
	unseen := func(start time.Time) []usage.Edge {
		return append(edgesAt(20), usage.Edge{UUID: "GPU-2", Start: start.UnixMilli(), Total: [6]int64{7}})
	}
	for start, want := range map[time.Time]int{five.From.Add(-time.Millisecond): 0, five.From: 1} {
		for _, hour := range []window.Window{five, six} {
			h := trueHour(hour)
			l := ledger.New(b, ledger.Config{})
			d, err := l.Draft("prod", hour)
			if err != nil {
				t.Fatal(err)
			}
			p := usage.Part{Segments: h.Segments, Opening: edgesAt(10), Closing: edgesAt(20)}
			if hour == six {
				p.Opening, p.Closing = unseen(start), edgesAt(30)
			}
			if err := d.Add(p); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Commit(context.Background(), d, h); err != nil {
				t.Fatal(err)
			}
		}
		if got := findings(t, b, ledger.Verification{Window: theDay(t)}); len(got) != want {
			t.Errorf("an epoch since %s: found %q", start, got)
		}
	}
}

func TestVerifyEndsWithTheErrorOfYield(t *testing.T) {
	t.Parallel()
	b := trueBooks(t)
	overwrite(t, b, dayKey, nil)
	stop := errors.New("stop")
	l := ledger.New(b, ledger.Config{})
	if err := l.Verify(context.Background(), "prod", ledger.Verification{Window: theDay(t)}, func(ledger.Finding) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if err := ledger.New(denied{}, ledger.Config{}).Verify(context.Background(), "prod", ledger.Verification{Window: theDay(t)}, nil); !errors.Is(err, bucket.ErrDenied) {
		t.Errorf("a bucket that may not be read: %v", err)
	}
}

func TestVerifyChangesNothing(t *testing.T) {
	t.Parallel()
	b := trueBooks(t)
	contents := func() map[string]string {
		all := map[string]string{}
		for _, key := range keys(t, b, "") {
			all[key] = string(read(t, b, key))
		}
		return all
	}
	before := contents()
	findings(t, b, ledger.Verification{Window: theDay(t)})
	if diff := cmp.Diff(before, contents()); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}
