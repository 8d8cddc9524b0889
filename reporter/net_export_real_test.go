//go:build real

package reporter_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// matrix is Prometheus' answer to an instant query for a range.
type matrix struct {
	Data struct {
		Result []struct {
			Metric map[string]string
			Values [][2]any // seconds, and the value as a string
		}
	}
}

// exported is a series as VictoriaMetrics exports it.
type exported struct {
	Metric     map[string]string `json:"metric"`
	Values     []json.Number     `json:"values"`
	Timestamps []int64           `json:"timestamps"`
}

// export answers a request for /api/v1/export as VictoriaMetrics does, with the
// samples of a Prometheus.
func export(w http.ResponseWriter, prometheus string, body []byte) error {
	asked, err := url.ParseQuery(string(body))
	if err != nil {
		return err
	}
	from, fromErr := strconv.ParseFloat(asked.Get("start"), 64)
	to, toErr := strconv.ParseFloat(asked.Get("end"), 64)
	if fromErr != nil || toErr != nil {
		return fmt.Errorf("from %q to %q", asked.Get("start"), asked.Get("end"))
	}
	length := time.Duration((to - from) * float64(time.Second)).Milliseconds()
	resp, err := http.PostForm(prometheus+"/api/v1/query", url.Values{
		"query": {fmt.Sprintf("%s[%dms]", asked.Get("match[]"), max(length, 1))}, "time": {asked.Get("end")},
	})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var m matrix
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %w", resp.Status, err)
	}
	w.Header().Set("Content-Type", "application/stream+json; charset=utf-8")
	lines := json.NewEncoder(w)
	for _, series := range m.Data.Result {
		line := exported{Metric: series.Metric}
		for _, pair := range series.Values {
			at, isNumber := pair[0].(float64)
			v, isText := pair[1].(string)
			if !isNumber || !isText {
				return fmt.Errorf("a sample %v", pair)
			}
			line.Values = append(line.Values, json.Number(v))
			line.Timestamps = append(line.Timestamps, int64(at*1000+0.5))
		}
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// parseExport reads a request for /api/v1/export.
func parseExport(body []byte) (*question, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	to, err := strconv.ParseFloat(form.Get("end"), 64)
	if err != nil {
		return nil, err
	}
	from, err := strconv.ParseFloat(form.Get("start"), 64)
	if err != nil {
		return nil, err
	}
	match := form.Get("match[]")
	return &question{names: match, to: time.UnixMilli(int64(to * 1000)), narrowed: func(f fault) []byte {
		form.Set("match[]", match[:len(match)-1]+f.condition()+"}")
		form.Set("start", fmt.Sprintf("%.3f", from-f.shift.Seconds()))
		form.Set("end", fmt.Sprintf("%.3f", to-(f.cut+f.shift).Seconds()))
		return []byte(form.Encode())
	}}, nil
}
