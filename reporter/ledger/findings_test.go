package ledger_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
)

// Before there were codes, hours were written with sentences, sorted by them.
const (
	oldLate = "counted later than held, samples came after the hour before was closed"
	oldFell = "counters fell though their start did not change; counted anew from there"
)

func found(codes ...usage.Code) (all []usage.Finding) {
	for _, code := range codes {
		all = append(all, usage.Finding{Code: code, Count: 1, Named: []string{"GPU-a"}})
	}
	return all
}

func TestAnHourWithSentencesIsTheSameAsOneWithCodes(t *testing.T) {
	t.Parallel()
	b := empty()
	h := smallHour(hourAt(t, "2026-11-20T05:00:00Z"))
	h.Findings = found(oldLate, oldFell)
	put(t, b, h)
	before := read(t, b, hourKey)
	h.Findings = found(usage.GPUSecondsFell, usage.LateCounted)
	if got := put(t, b, h); got.Revision != 1 || string(read(t, b, hourKey)) != string(before) {
		t.Errorf("restating an hour that did not change gives revision %d", got.Revision)
	}
	got, _, err := ledger.New(b, ledger.Config{}).Hour(t.Context(), "prod", h.Window)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h.Findings, got.Findings); diff != "" {
		t.Errorf("findings (-want +got)\n%s", diff)
	}
	h.Findings[0].Count++
	if got := put(t, b, h); got.Revision != 2 {
		t.Errorf("with one finding more: revision %d", got.Revision)
	}
}

func TestADayKeepsTheSentencesOfItsHours(t *testing.T) {
	t.Parallel()
	b := empty()
	for hour := range theDay(t).Hours() {
		h := smallHour(hour)
		h.Findings = found(oldLate, oldFell)
		put(t, b, h)
	}
	first := compact(t, b)
	day := read(t, b, first.Key)
	if !strings.Contains(string(day), oldLate) {
		t.Fatal("the day's footer does not have what its hours' footers say")
	}
	if compact(t, b).Written {
		t.Error("a day that is compacted is written again")
	}
	if err := b.Delete(t.Context(), first.Key, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	compact(t, b)
	if string(read(t, b, first.Key)) != string(day) {
		t.Error("the same hours make another day")
	}
	for _, key := range keys(t, b, "ledger/hourly/") {
		remove(t, b, key)
	}
	h := smallHour(hourAt(t, "2026-11-20T05:00:00Z"))
	h.Findings = found(usage.GPUSecondsFell, usage.LateCounted)
	if got := put(t, b, h); got.Revision != 1 || !got.Daily {
		t.Errorf("restating an hour that only the day has: %+v", got)
	}
}
