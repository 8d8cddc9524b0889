package prom_test

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/series"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/reporter/prom"
)

// matrix answers every request with the body of an instant query.
func matrix(body string) http.HandlerFunc { return typed("application/json", body) }

// lines answers every request with the lines of an export.
func lines(body string) http.HandlerFunc { return typed("application/stream+json", body) }

func typed(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(body))
	}
}

// results is an answer with these series.
func results(series ...string) string {
	return `{"status":"success","data":{"resultType":"matrix","result":[` + strings.Join(series, ",") + `]}}` + "\n"
}

// equateBits also tells the zeros apart, which == does not.
var equateBits = cmp.Comparer(func(x, y float64) bool {
	return math.Float64bits(x) == math.Float64bits(y) || math.IsNaN(x) && math.IsNaN(y)
})

func TestJSONYieldsSeries(t *testing.T) {
	t.Parallel()
	a := labels("__name__", "seconds", "uuid", "GPU-a")
	b := labels("__name__", "seconds", "uuid", "GPU-b")
	for name, tc := range map[string]struct {
		body string
		want []series.Series
	}{
		"an empty answer": {body: results()},
		"series as Prometheus writes them": {
			body: results(
				`{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[[0.1,"1"],[0.25,"2.5"],[1,"12.000000001"]]}`,
				`{"metric":{"__name__":"seconds","uuid":"GPU-b"},"values":[[0.5,"0"]]}`),
			want: []series.Series{
				{Labels: a, Samples: samples(100, 1, 250, 2.5, 1000, 12.000000001)},
				{Labels: b, Samples: samples(500, 0)},
			},
		},
		"another order of the fields, spaces and fields of later versions": {
			body: "\n{ \"infos\" : [\"a metric might not be a counter\"], \"warnings\": null, \"later\": {\"a\":[1,-2.5e3,null,{}],\"b\":true}, \"isPartial\" : false,\n" +
				`"data" : { "stats": {}, "result" : [ { "values" : [ [ 0.1 , "1" ] , [ 1.0e0, "\u0032e0" ] ] , "metric" : { "uuid" : "GPU-a" , "empty": "", "__name__" : "seconds" } } ] , "resultType" : "matrix" } , "status" : "success" }`,
			want: []series.Series{{Labels: a, Samples: samples(100, 1, 1000, 2)}},
		},
		"numbers of every kind": {
			body: results(`{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[[0.1,"NaN"],[0.2,"+Inf"],[0.3,"-Inf"],[0.4,"-0"],[0.5,"1e+21"],[0.6,"123456789012345680"],[0.7,"0.1234567890123456789"],[0.8,"-12.5"],[0.9,"4.9406564584124654e-324"]]}`),
			want: []series.Series{{Labels: a, Samples: samples(100, math.NaN(), 200, math.Inf(1), 300, math.Inf(-1), 400, math.Copysign(0, -1), 500, 1e21, 600, 123456789012345680, 700, 0.1234567890123456789, 800, -12.5, 900, math.SmallestNonzeroFloat64)}},
		},
		"labels with escapes": {
			body: results(`{"metric":{"__name__":"seconds","\u0075uid":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83dx"},"values":[[0.1,"1"]]}`),
			want: []series.Series{{Labels: labels("__name__", "seconds", "uuid", "\"\\/\b\f\n\r\té😀\ufffdx"), Samples: samples(100, 1)}},
		},
		"the millisecond before the range, which Prometheus 2 sends, and others outside": {
			body: results(`{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[[0.05,"1"],[0.099,"2"],[0.1,"3"],[1.001,"4"]]}`, `{"metric":{"__name__":"seconds","uuid":"GPU-b"},"values":[[0.099,"1"]]}`),
			want: []series.Series{{Labels: a, Samples: samples(100, 3)}},
		},
		"the same sample twice": {
			body: results(`{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[[0.1,"1"],[0.1,"1"],[0.2,"NaN"],[0.2,"NaN"]]}`),
			want: []series.Series{{Labels: a, Samples: samples(100, 1, 200, math.NaN())}},
		},
		"a label set twice": {
			body: results(`{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[[0.1,"1"]]}`, `{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[[0.2,"2"]]}`),
			want: []series.Series{{Labels: a, Samples: samples(100, 1)}, {Labels: a, Samples: samples(200, 2)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := collect(t, client(t, prom.Config{Road: "json", URL: serve(t, matrix(tc.body))}), between(100, 1000))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty(), equateBits); diff != "" {
				t.Errorf("series (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJSONThatIsNotWholeIsAnError(t *testing.T) {
	t.Parallel()
	good := `{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[[0.1,"1"],[0.2,"2"]]}`
	with := func(fields string) string {
		return `{"status":"success",` + fields + `"data":{"resultType":"matrix","result":[` + good + `]}}`
	}
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		kind    series.Kind
		is      error
		text    string
	}{
		"an answer cut in a sample":              {handler: matrix(results(good)[:140]), kind: series.Protocol, is: prom.ErrTruncated},
		"an answer cut before its last brace":    {handler: matrix(strings.TrimSuffix(results(good), "}\n")), kind: series.Protocol, is: prom.ErrTruncated},
		"an answer cut in an escape":             {handler: matrix(`{"status":"succ\u00`), kind: series.Protocol, is: prom.ErrTruncated},
		"nothing":                                {handler: matrix(""), kind: series.Protocol, is: prom.ErrTruncated},
		"something behind the answer":            {handler: matrix(results(good) + "}"), kind: series.Protocol, text: "no end"},
		"the page of a proxy":                    {handler: typed("text/html; charset=utf-8", "<html>Sign in</html>"), kind: series.Protocol, text: "text/html"},
		"a page that says it is JSON":            {handler: matrix("<html>"), kind: series.Protocol, text: `"<html>"`},
		"an answer without a status":             {handler: matrix(`{}`), kind: series.Protocol, text: "status"},
		"an answer without data":                 {handler: matrix(`{"status":"success"}`), kind: series.Protocol, text: "status"},
		"data without a type":                    {handler: matrix(`{"status":"success","data":{"result":[]}}`), kind: series.Protocol, text: "raw samples"},
		"a vector":                               {handler: matrix(`{"status":"success","data":{"resultType":"vector","result":[]}}`), kind: series.Protocol, text: "vector"},
		"two results":                            {handler: matrix(`{"status":"success","data":{"resultType":"matrix","result":[],"result":[]}}`), kind: series.Protocol, text: "two results"},
		"a failure under status 200":             {handler: matrix(`{"status":"error","errorType":"internal","error":"boom"}`), kind: series.Failed, text: `"boom"`},
		"a failure after good series":            {handler: matrix(`{"data":{"resultType":"matrix","result":[` + good + `]},"status":"error","error":"context deadline exceeded"}`), kind: series.Timeout},
		"a limit under status 200":               {handler: matrix(`{"status":"error","data":null,"error":"exceeded sample limit"}`), kind: series.Limit},
		"a warning":                              {handler: matrix(with(`"warnings":["receive series from sidecar: connection refused"],`)), kind: series.Partial, text: "receive series from sidecar"},
		"a warning after the series":             {handler: matrix(strings.TrimSuffix(results(good), "}\n") + `,"warnings":["No StoreAPIs matched for this query"]}`), kind: series.Partial, text: "StoreAPIs"},
		"an info that tells of a partial answer": {handler: matrix(with(`"infos":["fine","the answer is Partial"],`)), kind: series.Partial, text: "Partial"},
		"VictoriaMetrics' mark":                  {handler: matrix(with(`"isPartial":true,`)), kind: series.Partial, text: "isPartial"},
		"a header that tells of it": {handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Partial-Response", "true")
			matrix(results(good))(w, r)
		}, kind: series.Partial, text: "X-Partial-Response"},
		"times that fall":            {handler: matrix(results(`{"metric":{"__name__":"seconds"},"values":[[0.2,"1"],[0.1,"2"]]}`)), kind: series.Protocol, text: "seconds{}: time 100 after 200"},
		"two values at one time":     {handler: matrix(results(`{"metric":{"__name__":"seconds"},"values":[[0.2,"1"],[0.2,"2"]]}`)), kind: series.Protocol, text: "two values at 200"},
		"histograms":                 {handler: matrix(results(`{"metric":{"__name__":"seconds"},"histograms":[[0.2,{}]]}`)), kind: series.Protocol, text: "histograms"},
		"a sample of a vector":       {handler: matrix(results(`{"metric":{"__name__":"seconds"},"value":[0.2,"1"]}`)), kind: series.Protocol, text: "not all"},
		"no labels":                  {handler: matrix(results(`{"metric":{},"values":[[0.2,"1"]]}`)), kind: series.Protocol, text: "without labels"},
		"no metric":                  {handler: matrix(results(`{"values":[[0.2,"1"]]}`)), kind: series.Protocol, text: "not all"},
		"two metrics":                {handler: matrix(results(`{"metric":{"a":"b"},"metric":{"a":"b"},"values":[]}`)), kind: series.Protocol, text: "twice"},
		"a label twice":              {handler: matrix(results(`{"metric":{"a":"b","a":"c"},"values":[]}`)), kind: series.Protocol, text: `two labels "a"`},
		"a label that is a number":   {handler: matrix(results(`{"metric":{"a":1},"values":[]}`)), kind: series.Protocol, text: "no string"},
		"a label that is no text":    {handler: matrix(results("{\"metric\":{\"a\":\"\xff\"},\"values\":[]}")), kind: series.Protocol, text: "bad label"},
		"a value that is a number":   {handler: matrix(results(`{"metric":{"a":"b"},"values":[[0.2,1]]}`)), kind: series.Protocol, text: "no string"},
		"a value that is none":       {handler: matrix(results(`{"metric":{"a":"b"},"values":[[0.2,"one"]]}`)), kind: series.Protocol, text: `"one"`},
		"a hexadecimal value":        {handler: matrix(results(`{"metric":{"a":"b"},"values":[[0.2,"0x10"]]}`)), kind: series.Protocol, text: `"0x10"`},
		"a time that is a word":      {handler: matrix(results(`{"metric":{"a":"b"},"values":[[now,"1"]]}`)), kind: series.Protocol, text: `"now"`},
		"a time beyond all":          {handler: matrix(results(`{"metric":{"a":"b"},"values":[[1e300,"1"]]}`)), kind: series.Protocol, text: `"1e300"`},
		"a line break in a string":   {handler: matrix("{\"sta\ntus\":1}"), kind: series.Protocol, text: "letter of a string"},
		"a bad escape":               {handler: matrix(`{"a":"\q--------------"}`), kind: series.Protocol, text: "escape"},
		"more levels than there are": {handler: matrix(`{"a":` + strings.Repeat("[", 1000)), kind: series.Protocol, text: "levels"},
		"a word of nobody":           {handler: matrix(`{"a":nil}`), kind: series.Protocol, text: "nil"},
		"samples where Thanos' downsampling puts them": {
			handler: matrix(results(`{"metric":{"a":"b"},"values":[[0.2,"1"],[299.999,"1"],[599.999,"2"],[899.999,"3"]]}`)),
			kind:    series.Protocol, is: prom.ErrDownsampled,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := collect(t, client(t, prom.Config{Road: "json", URL: serve(t, tc.handler)}), between(100, 1_000_000))
			var e *prom.Error
			if !errors.Is(err, tc.kind) || tc.is != nil && !errors.Is(err, tc.is) || !errors.As(err, &e) || e.URL == "" || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %v, want one of kind %s with %q", err, tc.kind, tc.text)
			}
		})
	}
}

func TestJSONAsksForRawSamplesOfAllStores(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/prefix/api/v1/query" || r.URL.RawQuery != "" {
			t.Errorf("request is %s %s", r.Method, r.URL)
		}
		for field, want := range map[string]string{
			"query":                 `{__name__=~"a|b",uuid!~"GPU-\"0.*",job="gputally","odd.label"!="x",cluster="test"}[1001ms]`,
			"time":                  "1700000002.000",
			"partial_response":      "false",
			"max_source_resolution": "0s",
			"dedup":                 "false",
			"deny_partial_response": "1",
		} {
			if got := r.PostFormValue(field); got != want {
				t.Errorf("%s is %q, want %q", field, got, want)
			}
		}
		matrix(results())(w, r)
	})
	c := client(t, prom.Config{Road: "json", URL: base + "/prefix", Selector: []series.Matcher{{Name: "cluster", Value: "test"}}})
	if _, err := collect(t, c, series.Query{
		From: time.UnixMilli(1_700_000_001_000),
		To:   time.UnixMilli(1_700_000_002_000),
		Matchers: []series.Matcher{
			{Name: "__name__", Op: series.Match, Value: "a|b"},
			{Name: "uuid", Op: series.NotMatch, Value: `GPU-"0.*`},
			{Name: "job", Value: "gputally"},
			{Name: "odd.label", Op: series.NotEqual, Value: "x"},
		},
	}); err != nil {
		t.Error(err)
	}
}

// An answer is the same however the network cuts it.
func TestJSONIsReadInAnyPortions(t *testing.T) {
	t.Parallel()
	var written []string
	var want []series.Series
	for i := range 40 {
		var values []string
		s := series.Series{Labels: labels("__name__", "seconds", "uuid", fmt.Sprintf("GPU-\"%d", i))}
		for j := range 50 {
			at, v := int64(j*30+i), float64(i*j)/7
			values = append(values, fmt.Sprintf(`[%d.%03d,"%v"]`, at/1000, at%1000, v))
			s.Samples = append(s.Samples, series.Sample{T: at, V: v})
		}
		written = append(written, fmt.Sprintf(`{"metric":{"__name__":"seconds","uuid":"GPU-\"%d"},"values":[%s]}`, i, strings.Join(values, ",")))
		want = append(want, s)
	}
	body := results(written...)
	for _, size := range []int{1, 2, 3, 7, 64, 1000} {
		t.Run(fmt.Sprintf("%d bytes", size), func(t *testing.T) {
			t.Parallel()
			var got []series.Series
			if err := prom.DecodeMatrix(&portions{body, size}, 0, 1_000_000, copyTo(&got)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("series (-want +got):\n%s", diff)
			}
		})
	}
}
