package prom_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gputally/gputally/reporter/series"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/reporter/prom"
)

const (
	fuzzFrom = 100
	fuzzTo   = 1_000_000
)

// checkLines decodes an answer in JSON and checks what no input may break, and
// that the size of the portions in which it comes changes nothing.
func checkLines(t *testing.T, body string, decode func(*portions, func(series.Series) error) error) ([]series.Series, error) {
	t.Helper()
	var whole, parts []series.Series
	err := decode(&portions{body, len(body)}, copyTo(&whole))
	again := decode(&portions{body, 3}, copyTo(&parts))
	if (err == nil) != (again == nil) {
		t.Errorf("error %v, but in portions %v", err, again)
	}
	if diff := cmp.Diff(whole, parts, equateBits); diff != "" {
		t.Errorf("series (-at once +in portions):\n%s", diff)
	}
	var e *prom.Error
	if err != nil && !errors.As(err, &e) {
		t.Errorf("error %v is not typed", err)
	}
	for _, s := range whole {
		checkSeries(t, s, fuzzFrom, fuzzTo)
	}
	return whole, err
}

// object is a JSON object of any fields.
type object = map[string]json.RawMessage

// reference decodes series as encoding/json does, field names as they are. It
// returns false for what is not decoded alike: fields that come twice, bytes
// that are no UTF-8, and what is not of the form of an answer.
func reference(raw json.RawMessage, times func(object) ([]int64, []string, bool)) (series.Series, bool) {
	var s object
	var metric map[string]string
	if json.Unmarshal(raw, &s) != nil || json.Unmarshal(s["metric"], &metric) != nil {
		return series.Series{}, false
	}
	var out series.Series
	for name, value := range metric {
		if value != "" {
			out.Labels = append(out.Labels, series.Label{Name: name, Value: value})
		}
	}
	slices.SortFunc(out.Labels, func(a, b series.Label) int { return strings.Compare(a.Name, b.Name) })
	ts, vs, ok := times(s)
	if !ok {
		return series.Series{}, false
	}
	for i, at := range ts {
		if i > 0 && at <= ts[i-1] {
			return series.Series{}, false
		}
		if at < fuzzFrom || at > fuzzTo {
			continue
		}
		if vs[i] == "null" {
			out.Stale = append(out.Stale, at)
			continue
		}
		v, err := strconv.ParseFloat(vs[i], 64)
		if err != nil {
			return series.Series{}, false
		}
		out.Samples = append(out.Samples, series.Sample{T: at, V: v})
	}
	return out, true
}

func pairTimes(s object) (times []int64, values []string, ok bool) {
	var pairs [][2]json.RawMessage
	if json.Unmarshal(s["values"], &pairs) != nil {
		return nil, nil, false
	}
	for _, pair := range pairs {
		var at float64
		var text string
		if json.Unmarshal(pair[0], &at) != nil || json.Unmarshal(pair[1], &text) != nil {
			return nil, nil, false
		}
		times, values = append(times, int64(math.Round(at*1000))), append(values, text)
	}
	return times, values, true
}

func lineTimes(s object) (times []int64, values []string, ok bool) {
	var raw []json.RawMessage
	if json.Unmarshal(s["values"], &raw) != nil || json.Unmarshal(s["timestamps"], &times) != nil || len(raw) != len(times) {
		return nil, nil, false
	}
	for _, v := range raw {
		values = append(values, strings.Trim(string(v), `"`))
	}
	return times, values, true
}

// compare checks that series are those of the reference, where it has some.
func compare(t *testing.T, got, want []series.Series) {
	t.Helper()
	want = slices.DeleteFunc(want, func(s series.Series) bool { return len(s.Samples)+len(s.Stale) == 0 })
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), equateBits); diff != "" {
		t.Errorf("series (-encoding/json +got):\n%s", diff)
	}
}

// FuzzMatrix garbles answers of the JSON road.
func FuzzMatrix(f *testing.F) {
	a := `{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[[0.1,"1"],[0.25,"2.5"],[1,"12.000000001"],[2.5e1,"NaN"]]}`
	f.Add(results())
	f.Add(results(a, `{"values":[[ 0.1 ,"\u0031e2"],[0.2,"+Inf"]],"metric":{"\n\ud83d\ude00":"x","a":""}}`))
	f.Add(results(a)[:100])
	f.Add(`{"status":"error","error":"exceeded sample limit"}`)
	f.Add(`{"warnings":["one"],"infos":["partial"],"isPartial":true,"later":[[{}],-1.5e-3,null],"status":"success","data":{"result":[],"resultType":"matrix"}}`)
	f.Add(results(`{"metric":{"a":"b"},"values":[[299.999,"1"],[599.999,"2"]],"histograms":[]}`))
	f.Fuzz(func(t *testing.T, body string) {
		got, err := checkLines(t, body, func(r *portions, yield func(series.Series) error) error {
			return prom.DecodeMatrix(r, fuzzFrom, fuzzTo, yield)
		})
		if err != nil {
			return
		}
		if !json.Valid([]byte(body)) {
			t.Fatal("encoding/json does not take it")
		}
		var answer, data object
		var result []json.RawMessage
		if json.Unmarshal([]byte(body), &answer) != nil || json.Unmarshal(answer["data"], &data) != nil || json.Unmarshal(data["result"], &result) != nil {
			return // a field came twice
		}
		var want []series.Series
		for _, raw := range result {
			s, ok := reference(raw, pairTimes)
			if !ok {
				return
			}
			want = append(want, s)
		}
		compare(t, got, want)
	})
}

// FuzzLines garbles answers of the export road.
func FuzzLines(f *testing.F) {
	a := `{"metric":{"__name__":"seconds","uuid":"GPU-a"},"values":[1,2.5,null,12.000000001,"Infinity"],"timestamps":[100,250,300,1000,1001]}` + "\n"
	f.Add("")
	f.Add(a + a)
	f.Add(a[:70])
	f.Add(a + "an error of the server")
	f.Add(`{"later":{},"timestamps":[100],"values":[-1e-3],"metric":{"a\"":"\\b"}}`)
	f.Fuzz(func(t *testing.T, body string) {
		got, err := checkLines(t, body, func(r *portions, yield func(series.Series) error) error {
			return prom.DecodeLines(r, fuzzFrom, fuzzTo, yield)
		})
		if err != nil {
			return
		}
		var want []series.Series
		for d := json.NewDecoder(bytes.NewReader([]byte(body))); d.More(); {
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				t.Fatalf("encoding/json does not take it: %v", err)
			}
			s, ok := reference(raw, lineTimes)
			if !ok {
				return
			}
			want = append(want, s)
		}
		compare(t, got, want)
	})
}

// FuzzNumber compares numbers with strconv, to the bit.
func FuzzNumber(f *testing.F) {
	for _, text := range []string{"0", "-0", "1.5", "9007199254740993", "0.1234567890123456", "123456789012345678", "1e-7", "00", "1.", ".5", "-", "1e400", "179769313486231570000"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := prom.ParseValue([]byte(text))
		if err != nil {
			if v, err := strconv.ParseFloat(text, 64); err == nil && json.Valid([]byte(text)) && utf8.ValidString(text) && text == strings.TrimSpace(text) {
				t.Errorf("%q is the number %v", text, v)
			}
			return
		}
		want, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%q is %v, want %v, error %v", text, got, want, err)
		}
	})
}
