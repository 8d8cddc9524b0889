package prom_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/series"
)

func TestWhatTimeItIsForTheServer(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for sentence, c := range map[string]struct {
		date, age string
		want      []time.Time
	}{
		"it says so":                   {at.Format(http.TimeFormat), "", []time.Time{at}},
		"a cache says how old that is": {at.Format(http.TimeFormat), "90", []time.Time{at.Add(90 * time.Second)}},
		"the age makes no sense":       {at.Format(http.TimeFormat), "old", []time.Time{at}},
		"the date makes no sense":      {"noon", "", nil},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", c.date)
				if c.age != "" {
					w.Header().Set("Age", c.age)
				}
				http.Error(w, "no", http.StatusBadRequest)
			}))
			t.Cleanup(server.Close)
			var got []time.Time
			client, err := prom.New(prom.Config{URL: server.URL, Road: "json", Dated: func(at time.Time) { got = append(got, at.UTC()) }})
			if err != nil {
				t.Fatal(err)
			}
			q := series.Query{Matchers: []series.Matcher{{Name: "__name__", Value: "up"}}, From: at.Add(-time.Minute), To: at}
			if err := client.Read(t.Context(), q, func(series.Series) error { return nil }); err == nil {
				t.Error("no error")
			}
			if diff := cmp.Diff(c.want, slices.Compact(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
