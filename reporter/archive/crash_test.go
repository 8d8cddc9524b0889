package archive_test

import (
	"context"
	"io"
	"path"
	"sync"
	"testing"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/report"
)

func TestACrashOfPublishLeavesNothingHalfVisible(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		before      []report.Table
		table, next report.Table
		revisions   int // at the most, after the next
	}{
		"then the same table":             {nil, roll(t, spec("eu-1"), day(1)), roll(t, spec("eu-1"), day(1)), 1},
		"then another table":              {nil, roll(t, spec("eu-1"), day(1)), roll(t, spec("eu-1"), day(2)), 2},
		"then a Failed table":             {nil, roll(t, spec("eu-1"), day(1)), failed(t), 2},
		"of a Failed table, then another": {nil, failed(t), roll(t, spec("eu-1"), day(1)), 2},
		"of a second revision":            {[]report.Table{roll(t, spec("eu-1"), day(1))}, roll(t, spec("eu-1"), day(2)), roll(t, spec("eu-1"), day(3)), 3},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			everyDeath(t,
				func(b bucket.Bucket) {
					for _, table := range c.before {
						publish(t, open(b, start), table, showback)
					}
				},
				func(b bucket.Bucket) error {
					_, err := open(b, start).Publish(t.Context(), c.table, showback)
					return err
				},
				func(t *testing.T, b bucket.Bucket) {
					whole(t, b)
					done := publish(t, open(b, start), c.next, showback)
					whole(t, b)
					all := list(t, open(b, start), archive.Query{})
					if len(all) == 0 || len(all) > c.revisions || all[0].ID != done.Manifest.ID || all[0].State != c.next.State() {
						t.Errorf("after %+v are listed %+v", done.Manifest, all)
					}
				})
		})
	}
}

// between runs an act after the first Put of an object with a name.
type between struct {
	bucket.Bucket
	name string
	once sync.Once
	act  func()
}

func (b *between) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	o, err := b.Bucket.Put(ctx, key, body, size, cond)
	if path.Base(key) == b.name {
		b.once.Do(b.act)
	}
	return o, err
}

// A file must never come beside the manifest of another report, such as a Failed
// one, which a replica with other inputs writes at the same instant.
func TestAReplicaWithOtherInputsPublishesInTheMiddle(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct{ first, second report.Table }{
		"another table":                   {roll(t, spec("eu-1"), day(1)), roll(t, spec("eu-1"), day(2))},
		"a Failed one":                    {roll(t, spec("eu-1"), day(1)), failed(t)},
		"a Ready one during a Failed one": {failed(t), roll(t, spec("eu-1"), day(1))},
		"the same":                        {roll(t, spec("eu-1"), day(1)), roll(t, spec("eu-1"), day(1))},
	} {
		for _, name := range []string{"15c4918a2af8edf2.json", "report.csv", "manifest.json"} {
			b := newShaky()
			var second archive.Published
			racing := &between{Bucket: b, name: name, act: func() { second = publish(t, open(b, start), c.second, showback) }}
			first := publish(t, open(racing, start), c.first, showback)
			whole(t, b)
			if ran := second.ManifestKey != ""; ran != (name != "report.csv" || c.first.State() == report.Ready) {
				t.Errorf("%s after %s: ran %v", sentence, name, ran)
			}
			if first.Manifest.State != c.first.State() || (second.ManifestKey != "" && second.Manifest.State != c.second.State()) {
				t.Errorf("%s after %s: published %s and %s", sentence, name, first.Manifest.State, second.Manifest.State)
			}
			if (sentence == "the same") != (first.Manifest.ID == second.Manifest.ID) && second.ManifestKey != "" {
				t.Errorf("%s after %s: the ids are %s and %s", sentence, name, first.Manifest.ID, second.Manifest.ID)
			}
		}
	}
}

// replicasPublish publishes different tables of one report at once, each by two
// replicas.
func replicasPublish(t *testing.T, b bucket.Bucket) {
	t.Helper()
	tables := []report.Table{failed(t)}
	for revision := range 5 {
		tables = append(tables, roll(t, spec("eu-1"), day(revision+1)))
	}
	ids := make([][2]string, len(tables))
	var replicas sync.WaitGroup
	for i, table := range tables {
		for replica := range 2 {
			replicas.Go(func() {
				done, err := open(b, start).Publish(t.Context(), table, showback)
				if err != nil {
					t.Error(err)
				} else if done.Manifest.State != table.State() || done.Manifest.Inputs != table.Inputs {
					t.Errorf("another report came back: %+v", done.Manifest)
				}
				ids[i][replica] = done.Manifest.ID
			})
		}
	}
	replicas.Wait()
	whole(t, b)
	tableOf := map[string]int{}
	for i, pair := range ids {
		for _, id := range pair {
			if other, used := tableOf[id]; used && other != i {
				t.Errorf("the ids by table and replica are %v", ids)
			}
			tableOf[id] = i
		}
	}
	// A replica that begins when others have superseded its table publishes it again.
	if all := list(t, open(b, start), archive.Query{}); len(all) != len(tableOf) || len(all) < len(tables) {
		t.Errorf("%d reports are listed, %d were published", len(all), len(tableOf))
	}
}

func TestReplicasPublishDifferentTablesAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		replicasPublish(t, newShaky())
	}
}
