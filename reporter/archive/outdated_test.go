package archive_test

import (
	"testing"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/rollup"
)

func TestOutdated(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		made, now []rollup.Hour
		want      bool
	}{
		"the same hours":                                     {day(1), day(1), false},
		"an hour that was restated":                          {day(1), day(2), true},
		"an hour that was closed late":                       {day(1)[:1], day(1), true},
		"an hour that is gone: no better report can be made": {day(1), day(1)[:1], false},
		"an hour of another cluster":                         {day(1), append(day(1), hourOf("us-1", 0, 1)), false},
		"an hour after the period":                           {day(1), append(day(1), hourOf("eu-1", 2, 1)), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newShaky()
			a := open(b, start)
			publish(t, a, roll(t, spec("eu-1"), tt.made), showback)
			closeHours(t, b, tt.now...)
			records := list(t, a, archive.Query{})
			for range 2 { // the second time from memory
				old, err := a.Outdated(t.Context(), records)
				if err != nil {
					t.Fatal(err)
				}
				if (len(old) == 1) != tt.want {
					t.Errorf("outdated are %+v", old)
				}
			}
		})
	}
}

func TestAReportWithoutItsManifestIsNotOutdated(t *testing.T) {
	t.Parallel()
	for sentence, content := range map[string]string{"gone": "", "damaged": "{"} {
		b := newShaky()
		a := open(b, start)
		done := publish(t, a, roll(t, spec("eu-1"), day(1)), showback)
		closeHours(t, b, day(2)...)
		if err := b.Delete(t.Context(), done.ManifestKey, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
		if content != "" {
			if _, err := bucket.PutBytes(t.Context(), b, done.ManifestKey, []byte(content), bucket.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
		if old, err := a.Outdated(t.Context(), list(t, a, archive.Query{})); err != nil || len(old) != 0 {
			t.Errorf("%s: got %+v, %v", sentence, old, err)
		}
	}
}
