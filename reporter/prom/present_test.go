package prom_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/series"
)

func TestPresentAsksForSeriesAndReadsNoSamples(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   bool
		err    error
	}{
		"there is one":                        {data(`[{"__name__":"up"}]`), true, nil},
		"there is none":                       {data(`[]`), false, nil},
		"a server that knows no limit":        {data(`[` + strings.Repeat(`{"__name__":"up"},`, 100_000) + `{}]`), true, nil},
		"one without the question or a road":  {http.NotFound, false, series.Rejected},
		"one that is away":                    {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusServiceUnavailable) }, false, series.Overloaded},
		"an answer of something else":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, false, series.Rejected},
		"an answer that is an error for once": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"error"}`)) }, false, series.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan string, 10)
			server := fakeAPI{"/api/v1/series": func(w http.ResponseWriter, r *http.Request) {
				asked <- r.FormValue("match[]") + " " + r.FormValue("start") + " " + r.FormValue("end") + " " + r.FormValue("limit")
				tt.answer(w, r)
			}}
			c := client(t, prom.Config{URL: serve(t, server.ServeHTTP), Selector: []series.Matcher{{Name: "job", Value: "a"}}})
			is, err := c.Present(t.Context(), series.Query{
				From: time.Unix(-62135596800, 0), To: time.Unix(7200, 0), Matchers: []series.Matcher{{Name: series.NameLabel, Value: "up"}},
			})
			if is != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%v, %v; want %v, %v", is, err, tt.want, tt.err)
			}
			if got, want := <-asked, `{__name__="up",job="a"} 0.000 7200.000 1`; got != want {
				t.Errorf("asked for %s, want %s", got, want)
			}
		})
	}
}

func TestPresentReadsUpToTheFirstSeriesWhereItCannotAsk(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		road http.HandlerFunc
		want bool
	}{
		"there is one":  {stream(frame(t, part(labels("__name__", "up"), chunk(t, samples(1000, 1)...)))), true},
		"there is none": {stream(), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := fakeAPI{"/api/v1/read": func(w http.ResponseWriter, r *http.Request) {
				if asked(t, r).Queries[0].Matchers[0].Value != "up" { // the question for the series of nobody
					stream()(w, r)
					return
				}
				tt.road(w, r)
			}}
			c := client(t, prom.Config{URL: serve(t, server.ServeHTTP)})
			is, err := c.Present(t.Context(), series.Query{From: time.Unix(0, 0), To: time.Unix(7200, 0), Matchers: []series.Matcher{{Name: series.NameLabel, Value: "up"}}})
			if is != tt.want || err != nil {
				t.Errorf("%v, %v", is, err)
			}
		})
	}
}
