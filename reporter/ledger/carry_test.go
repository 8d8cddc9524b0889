package ledger_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// stateOf is a row of a GPU that no container held.
func stateOf(uuid string, state usage.State, from, to int64) usage.Segment {
	return usage.Segment{
		Cluster: "prod", Node: "node-" + uuid, NodePool: "a100", UUID: uuid, Model: "NVIDIA A100-SXM4-80GB", Share: 1,
		State: state, HeldFrom: from, HeldTo: to, GPUMillis: to - from,
	}
}

func TestAnHourLeavesItsGPUsAndEdgesToTheNext(t *testing.T) {
	t.Parallel()
	b := empty()
	l := ledger.New(b, ledger.Config{Version: "1.2.3"})
	six := hourAt(t, "2026-11-20T06:00:00Z")
	from, to := six.From.UnixMilli(), six.To.UnixMilli()
	closing := []usage.Edge{
		{UUID: "GPU-1", Start: 17, Total: [6]int64{1}},
		{UUID: "GPU-3", Start: -1, Total: [6]int64{from}},
		{UUID: "GPU-3", Start: 17, Total: [6]int64{2}},
		{UUID: "GPU-3", Pod: "uid", Container: "main", Start: 18, Total: [6]int64{3}},
		{UUID: "GPU-4", Start: 17, Total: [6]int64{4}},
	}
	h := usage.Hour{Cluster: "prod", Window: six, Source: "gputally", Road: "json", Segments: []usage.Segment{
		stateOf("GPU-1", usage.Absent, from, from+10), // came
		stateOf("GPU-1", usage.Unallocated, from+10, to),
		stateOf("GPU-2", usage.Absent, to-10, to), // went
		stateOf("GPU-2", usage.Unallocated, from, to-10),
		stateOf("GPU-3", usage.Uncovered, from, to),
		stateOf("GPU-4", usage.Unavailable, from, to),
	}}
	d, err := l.Draft("prod", six)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Add(usage.Part{Segments: h.Segments, Closing: closing}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Commit(t.Context(), d, h); err != nil {
		t.Fatal(err)
	}

	n, err := l.Session().Neighbours(t.Context(), "prod", window.Hour(six.To))
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, device := range n.Devices {
		there = append(there, device.UUID+" "+device.Node+" "+device.NodePool+" "+device.Model)
	}
	if diff := cmp.Diff([]string{
		"GPU-1 node-GPU-1 a100 NVIDIA A100-SXM4-80GB", "GPU-3 node-GPU-3 a100 NVIDIA A100-SXM4-80GB", "GPU-4 node-GPU-4 a100 NVIDIA A100-SXM4-80GB",
	}, there); diff != "" {
		t.Errorf("GPUs at the end (-want +got):\n%s", diff)
	}
	var carried []usage.Edge
	for e, err := range n.Carry {
		if err != nil {
			t.Fatal(err)
		}
		carried = append(carried, e)
	}
	if diff := cmp.Diff(closing, carried); diff != "" {
		t.Errorf("edges (-want +got):\n%s", diff)
	}
	for e := range n.Carry { // who wants one only may have it
		if e.UUID != "GPU-1" {
			t.Errorf("the first edge is of %s", e.UUID)
		}
		break
	}

	anew, err := l.Session().Carried(t.Context(), "prod", window.Hour(six.To))
	if err != nil || anew.Before != nil || anew.Carried.Len() != len(closing) || len(anew.Devices) != 3 {
		t.Errorf("anew: %d edges carried, %d GPUs, %v", anew.Carried.Len(), len(anew.Devices), err)
	}
	if total, ok := anew.Carried.Find("GPU-3", "uid", "main", 18); !ok || total[0] != 3 {
		t.Errorf("GPU-3 has %v", total)
	}
	nothing, err := l.Session().Before(t.Context(), "prod", six) // no hour is closed before
	if err != nil || nothing.Before != nil || nothing.Carry != nil || nothing.Devices != nil {
		t.Errorf("before the first hour there is %+v, %v", nothing, err)
	}
}
