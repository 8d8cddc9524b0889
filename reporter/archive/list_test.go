package archive_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

var queryAll = archive.Query{}

// several is an archive with reports of three days under two names.
func several(t *testing.T) *archive.Archive {
	t.Helper()
	a := open(newShaky(), start)
	for n, name := range []string{"showback", "showback", "showback", "pools"} {
		w := window.PeriodDay.Containing(start.AddDate(0, 0, n%3), time.UTC)
		for revision := 1; revision <= 1+n%2; revision++ {
			s := spec("eu-1")
			s.Window, s.Provisional, s.MinimumCoverage = w, n == 2, float64(revision)/10*float64(1-n%2)
			publish(t, a, roll(t, s, nil), archive.Publication{Name: name, Period: w.From.Format(time.DateOnly)})
		}
	}
	return a
}

func TestList(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query archive.Query
		want  []string
	}{
		"all, newest first":               {archive.Query{}, []string{"showback 2026-11-22 1", "showback 2026-11-21 1", "pools 2026-11-20 1", "showback 2026-11-20 1"}},
		"a name":                          {archive.Query{Name: "pools"}, []string{"pools 2026-11-20 1"}},
		"a name that is not there":        {archive.Query{Name: "none"}, nil},
		"a period":                        {archive.Query{Period: "2026-11-20"}, []string{"pools 2026-11-20 1", "showback 2026-11-20 1"}},
		"a window":                        {archive.Query{Window: window.Window{From: start.AddDate(0, 0, 1), To: start.AddDate(0, 0, 2)}}, []string{"showback 2026-11-21 1"}},
		"final reports":                   {archive.Query{Name: "showback", Final: true}, []string{"showback 2026-11-21 1", "showback 2026-11-20 1"}},
		"reports that failed":             {archive.Query{State: report.Failed}, []string{"showback 2026-11-20 1"}},
		"the current ones of a day":       {archive.Query{Current: true, Period: "2026-11-21"}, []string{"showback 2026-11-21 1"}},
		"nothing fits two wishes at once": {archive.Query{Name: "pools", Period: "2026-11-22"}, nil},
	}
	a := several(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, r := range list(t, a, tt.query) {
				got = append(got, r.Name+" "+r.PeriodKey+" "+string('0'+rune(r.Revision)))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestListPageByPage(t *testing.T) {
	t.Parallel()
	a := several(t)
	var paged []archive.Record
	for after := ""; ; {
		n := len(paged)
		for r, err := range a.List(t.Context(), archive.Query{After: after}) {
			if err != nil {
				t.Fatal(err)
			}
			paged, after = append(paged, r), r.Cursor()
			break // pages of one
		}
		if len(paged) == n {
			break
		}
	}
	if diff := cmp.Diff(list(t, a, archive.Query{}), paged); diff != "" {
		t.Errorf("(-at once +page by page)\n%s", diff)
	}
}
