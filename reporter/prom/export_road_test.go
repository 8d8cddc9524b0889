package prom_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gputally/gputally/reporter/series"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/reporter/prom"
)

// portions gives a text in portions of a size.
type portions struct {
	text string
	size int
}

func (p *portions) Read(b []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	n := copy(b, p.text[:min(p.size, len(p.text))])
	p.text = p.text[n:]
	return n, nil
}

// copyTo keeps copies of the series that are yielded.
func copyTo(all *[]series.Series) func(series.Series) error {
	return func(s series.Series) error {
		*all = append(*all, series.Series{
			Labels:  slices.Clone(s.Labels),
			Samples: slices.Clone(s.Samples),
			Stale:   slices.Clone(s.Stale),
		})
		return nil
	}
}

func TestExportYieldsSeries(t *testing.T) {
	t.Parallel()
	a := labels("__name__", "seconds", "uuid", "GPU-a")
	b := labels("__name__", "seconds", "uuid", "GPU-b")
	var long, times []string
	longest := series.Series{Labels: a}
	for i := range 300_000 {
		long, times = append(long, fmt.Sprintf("%d.123456789", i)), append(times, fmt.Sprint(i))
		if i >= 100 && i <= 1000 {
			longest.Samples = append(longest.Samples, series.Sample{T: int64(i), V: float64(i) + 0.123456789})
		}
	}
	for name, tc := range map[string]struct {
		body string
		want []series.Series
	}{
		"an empty answer": {},
		"lines as VictoriaMetrics writes them": {
			body: `{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[1,2.5,12.000000001],"timestamps":[100,250,1000]}` + "\n" +
				`{"metric":{"__name__":"seconds","uuid":"GPU-b"},"values":[0],"timestamps":[500]}` + "\n",
			want: []series.Series{
				{Labels: a, Samples: samples(100, 1, 250, 2.5, 1000, 12.000000001)},
				{Labels: b, Samples: samples(500, 0)},
			},
		},
		"another order of the fields, spaces, a field of later versions, and no last line break": {
			body: ` { "later": [{}], "timestamps" : [ 100 , 200 ] , "values" : [ 1 , 2e0 ] , "metric" : { "uuid" : "GPU-a", "__name__" : "seconds" } } `,
			want: []series.Series{{Labels: a, Samples: samples(100, 1, 200, 2)}},
		},
		"null, which stands for a staleness marker": {
			body: `{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[1,null,null,2,null],"timestamps":[100,150,150,200,300]}`,
			want: []series.Series{{Labels: a, Samples: samples(100, 1, 200, 2), Stale: []int64{150, 300}}},
		},
		"a sample and a marker at one time": {
			body: `{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[1,null,null,2],"timestamps":[100,100,200,200]}`,
			want: []series.Series{{Labels: a, Samples: samples(100, 1, 200, 2)}},
		},
		"numbers of every kind": {
			body: `{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":["Infinity","-Infinity","NaN",-0,1e+21,1.7976931348623157e308],"timestamps":[100,200,300,400,500,600]}`,
			want: []series.Series{{Labels: a, Samples: samples(100, math.Inf(1), 200, math.Inf(-1), 300, math.NaN(), 400, math.Copysign(0, -1), 500, 1e21, 600, math.MaxFloat64)}},
		},
		"samples outside the range": {
			body: `{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[1,2,null,3],"timestamps":[99,100,1001,1002]}` + "\n" +
				`{"metric":{"__name__":"seconds","uuid":"GPU-b"},"values":[1],"timestamps":[99]}`,
			want: []series.Series{{Labels: a, Samples: samples(100, 2)}},
		},
		"a series over two lines": {
			body: `{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[1],"timestamps":[100]}` + "\n" + `{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[2],"timestamps":[200]}`,
			want: []series.Series{{Labels: a, Samples: samples(100, 1)}, {Labels: a, Samples: samples(200, 2)}},
		},
		"a line of megabytes": {
			body: `{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[` + strings.Join(long, ",") + `],"timestamps":[` + strings.Join(times, ",") + `]}`,
			want: []series.Series{longest},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := collect(t, client(t, prom.Config{Road: "export", URL: serve(t, lines(tc.body))}), between(100, 1000))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty(), equateBits); diff != "" {
				t.Errorf("series (-want +got):\n%s", diff)
			}
			got = nil
			if err := prom.DecodeLines(&portions{tc.body, 3}, 100, 1000, copyTo(&got)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty(), equateBits); diff != "" {
				t.Errorf("series in portions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExportThatIsNotWholeIsAnError(t *testing.T) {
	t.Parallel()
	good := `{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[1,2],"timestamps":[100,200]}` + "\n"
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		kind    series.Kind
		is      error
		text    string
	}{
		"a line cut short":                {handler: lines(good + good[:60]), kind: series.Protocol, is: prom.ErrTruncated},
		"a line cut before its brace":     {handler: lines(strings.TrimSuffix(good, "}\n")), kind: series.Protocol, is: prom.ErrTruncated},
		"the page of a proxy":             {handler: typed("text/html", "<html>"), kind: series.Protocol, text: "text/html"},
		"no content type":                 {handler: typed("", ""), kind: series.Protocol, text: "not application/stream+json"},
		"an error of the server after":    {handler: lines(good + "cannot read block"), kind: series.Protocol, text: "cannot read block"},
		"a word between the lines":        {handler: lines(good + "null\n"), kind: series.Protocol, text: "null"},
		"fewer values than times":         {handler: lines(`{"metric":{"a":"b"},"values":[1],"timestamps":[100,200]}`), kind: series.Protocol, text: "1 values at 2 times"},
		"no times":                        {handler: lines(`{"metric":{"a":"b"},"values":[1]}`), kind: series.Protocol, text: "not all"},
		"no values":                       {handler: lines(`{"metric":{"a":"b"},"timestamps":[1]}`), kind: series.Protocol, text: "not all"},
		"no labels":                       {handler: lines(`{"metric":{},"values":[1],"timestamps":[100]}`), kind: series.Protocol, text: "without labels"},
		"values twice":                    {handler: lines(`{"metric":{"a":"b"},"values":[1],"values":[1],"timestamps":[100]}`), kind: series.Protocol, text: "twice"},
		"times that fall":                 {handler: lines(`{"metric":{"a":"b"},"values":[1,1],"timestamps":[200,100]}`), kind: series.Protocol, text: "time 100 after 200"},
		"two values at one time":          {handler: lines(`{"metric":{"a":"b"},"values":[1,2],"timestamps":[200,200]}`), kind: series.Protocol, text: "two values at 200"},
		"a time that is no whole number":  {handler: lines(`{"metric":{"a":"b"},"values":[1],"timestamps":[200.5]}`), kind: series.Protocol, text: `"200.5"`},
		"a time beyond all":               {handler: lines(`{"metric":{"a":"b"},"values":[1],"timestamps":[99999999999999999999]}`), kind: series.Protocol, text: "99999"},
		"a value that is none":            {handler: lines(`{"metric":{"a":"b"},"values":[one],"timestamps":[200]}`), kind: series.Protocol, text: `"one"`},
		"a value that is a list":          {handler: lines(`{"metric":{"a":"b"},"values":[[1]],"timestamps":[200]}`), kind: series.Protocol, text: "no value"},
		"a number with a zero before it":  {handler: lines(`{"metric":{"a":"b"},"values":[01],"timestamps":[200]}`), kind: series.Protocol, text: `"01"`},
		"a number that ends with a point": {handler: lines(`{"metric":{"a":"b"},"values":[1.],"timestamps":[200]}`), kind: series.Protocol, text: `"1."`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := collect(t, client(t, prom.Config{Road: "export", URL: serve(t, tc.handler)}), between(100, 1000))
			var e *prom.Error
			if !errors.Is(err, tc.kind) || tc.is != nil && !errors.Is(err, tc.is) || !errors.As(err, &e) || e.URL == "" || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %v, want one of kind %s with %q", err, tc.kind, tc.text)
			}
		})
	}
}

func TestExportAsksForMoreThanItYields(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/api/v1/export" {
			t.Errorf("request is %s %s", r.Method, r.URL)
		}
		for field, want := range map[string]string{"match[]": `{__name__="seconds"}`, "start": "1700000000.999", "end": "1700000002.001", "deny_partial_response": "1"} {
			if got := r.PostFormValue(field); got != want {
				t.Errorf("%s is %q, want %q", field, got, want)
			}
		}
		lines("")(w, r)
	})
	if _, err := collect(t, client(t, prom.Config{Road: "export", URL: base}), between(1_700_000_001_000, 1_700_000_002_000)); err != nil {
		t.Error(err)
	}
}
