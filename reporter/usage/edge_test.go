package usage_test

import (
	"testing"

	"github.com/gputally/gputally/reporter/usage"
)

func TestEdgeTableFindsWhatWasBooked(t *testing.T) {
	t.Parallel()
	table := usage.NewEdgeTable()
	first := usage.Edge{UUID: "GPU-a", Pod: "uid", Container: "main", Start: 7, Total: [6]int64{1, 2, 3, 4, 5, 6}}
	device := usage.Edge{UUID: "GPU-a", Start: 7, Total: [6]int64{9}}
	table.Add(first)
	table.Add(device)

	for name, want := range map[string]usage.Edge{"a holding": first, "its device": device} {
		if got, ok := table.Find(want.UUID, want.Pod, want.Container, want.Start); !ok || got != want.Total {
			t.Errorf("%s: got %v, %v", name, got, ok)
		}
	}
	if _, ok := table.Find("GPU-a", "uid", "main", 8); ok {
		t.Error("found an epoch that was not booked")
	}
	if _, ok := table.Find("GPU-", "auid", "main", 7); ok {
		t.Error("names run into each other")
	}

	first.Total[0] = 10
	table.Add(first)
	if got, _ := table.Find(first.UUID, first.Pod, first.Container, first.Start); got != first.Total || table.Len() != 2 {
		t.Errorf("the same edge again: got %v in a table of %d", got, table.Len())
	}
	var none *usage.EdgeTable
	if _, ok := none.Find("GPU-a", "uid", "main", 7); ok || none.Len() != 0 {
		t.Error("a nil table has edges")
	}
}
