package archive_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
)

// library fills an archive with reports of several months and revisions.
func library(t testing.TB, b bucket.Bucket) *archive.Archive {
	t.Helper()
	a := open(b, start)
	for _, coverage := range []float64{0, 0.5, 0.9} {
		publishPeriod(t, a, "showback", "2026-10", coverage)
	}
	publishPeriod(t, a, "showback", "2026-11", 0)
	publishPeriod(t, a, "pools", "2026-01-01/2027-01-01", 0)
	return a
}

func TestRebuildMakesTheIndexThatThereWas(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, b bucket.Bucket){
		"nothing happened": func(*testing.T, bucket.Bucket) {},
		"all that is derived is lost": func(t *testing.T, b bucket.Bucket) {
			for _, key := range append(keys(t, b, "index/"), latestKeys(t, b)...) {
				if err := b.Delete(t.Context(), key, bucket.Condition{}); err != nil {
					t.Fatal(err)
				}
			}
		},
		"all that is derived is broken": func(t *testing.T, b bucket.Bucket) {
			for _, key := range append(keys(t, b, "index/"), latestKeys(t, b)...) {
				overwrite(t, b, key, "{")
			}
		},
		"it knows reports that are not there": func(t *testing.T, b bucket.Bucket) {
			a := open(b, start)
			for _, period := range []string{"2026-11-03", "2020-01-01"} {
				lost := publishPeriod(t, a, "showback", period, 0)
				for _, key := range []string{lost.ManifestKey, lost.CSVKey} {
					if err := b.Delete(t.Context(), key, bucket.Condition{}); err != nil {
						t.Fatal(err)
					}
				}
			}
		},
		"a rollback made the index of an earlier version": func(t *testing.T, b bucket.Bucket) {
			whole(t, b)
			overwrite(t, b, "index/reports/showback.json", `{"version":1}`)
		},
	}
	for name, happened := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newShaky()
			a := library(t, b)
			want, objects, latest := list(t, a, archive.Query{}), keys(t, b, "index/"), latests(t, b)
			happened(t, b)
			if err := open(b, start).Rebuild(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, list(t, open(b, start), archive.Query{})); diff != "" {
				t.Errorf("index (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(objects, keys(t, b, "index/")); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(latest, latests(t, b)); diff != "" {
				t.Errorf("latest.json (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRebuildWritesNothingIfTheIndexIsRight(t *testing.T) {
	t.Parallel()
	b := newShaky()
	a := library(t, b)
	before := len(b.written)
	if err := a.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(b.written) - before; n != 0 {
		t.Errorf("%d writes: %v", n, b.written[before:])
	}
}

// racing runs an act before the first write of the index.
type racing struct {
	bucket.Bucket
	act func()
}

func (r *racing) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	if act := r.act; act != nil && strings.HasPrefix(key, "index/") {
		r.act = nil
		act()
	}
	return r.Bucket.Put(ctx, key, body, size, cond)
}

func TestRebuildKeepsWhatOthersPublishMeanwhile(t *testing.T) {
	t.Parallel()
	b := newShaky()
	a := library(t, b)
	if err := b.Delete(t.Context(), novemberKey, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	late := func() { publishPeriod(t, a, "showback", "2026-11", 0.9) }
	if err := open(&racing{b, late}, start).Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := list(t, a, archive.Query{Period: "2026-11"}); len(got) != 2 || got[0].Revision != 2 || got[1].Revision != 1 {
		t.Errorf("listed are %+v", got)
	}
	if l, err := a.Latest(t.Context(), archive.Publication{Name: "showback", Period: "2026-11"}); err != nil || l.Revision != 2 {
		t.Errorf("the latest is %+v, %v", l, err)
	}
}

func TestRebuildNamesWhatItCouldNotRead(t *testing.T) {
	t.Parallel()
	b := newShaky()
	a := library(t, b)
	all := list(t, a, archive.Query{Name: "showback"})
	damaged, moved := all[0].KeyPrefix+"manifest.json", "reports/showback/2026-11/copy/manifest.json"
	overwrite(t, b, damaged, "{}")
	overwrite(t, b, moved, read(t, b, all[1].KeyPrefix+"manifest.json"))
	err := a.Rebuild(t.Context())
	for _, key := range []string{damaged, moved} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%v\nlacks %s", err, key)
		}
	}
	if diff := cmp.Diff(all[1:], list(t, a, archive.Query{Name: "showback"})); diff != "" {
		t.Errorf("listed (-want +got)\n%s", diff)
	}
}

// Ids that this version doesn't derive are numbered by what they supersede.
func TestRebuildOfReportsWithOtherIDs(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		supersedes map[string]string // by id
		want       map[string]int    // revision by id
	}{
		"a chain": {map[string]string{"zzz": "", "mmm": "zzz", "aaa": "mmm"}, map[string]int{"zzz": 1, "mmm": 2, "aaa": 3}},
		"a ring":  {map[string]string{"aaa": "bbb", "bbb": "aaa"}, map[string]int{"aaa": 3, "bbb": 3}},
	} {
		b := newShaky()
		m := publish(t, open(newShaky(), start), roll(t, spec("eu-1"), day(1)), showback).Manifest
		for id, supersedes := range c.supersedes {
			m.ID, m.Supersedes = id, supersedes
			data, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, b, "reports/showback/2026-11-20/"+id+"/manifest.json", string(data))
		}
		a := open(b, start)
		if err := a.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, r := range list(t, a, archive.Query{}) {
			got[r.ID] = r.Revision
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", sentence, diff)
		}
	}
}
