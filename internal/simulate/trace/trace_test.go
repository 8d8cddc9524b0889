package trace_test

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/internal/simulate/trace"
)

const podHeader = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"

func readPods(t *testing.T, rows ...string) []trace.Pod {
	t.Helper()
	pods, _, err := trace.ReadPods("pods.csv", strings.NewReader(podHeader+strings.Join(rows, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return pods
}

func TestBadRowsNameLineAndField(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"another header": {
			"name,gpus\n", `pods.csv:1: columns are ["name" "gpus"], want ["name" "cpu_milli"`,
		},
		"an empty file": {
			"", "pods.csv: read the header: EOF",
		},
		"a word for a number": {
			podHeader + "a,1,1,one,1000,,LS,Running,0,10,0\n", `pods.csv:2: num_gpu "one": is no whole number from 0 to 64`,
		},
		"a fraction of two GPUs": {
			podHeader + "a,1,1,2,500,,LS,Running,0,10,0\n", `pods.csv:2: gpu_milli "500": must be 1 to 1000, and 1000 for a pod of several GPUs`,
		},
		"an end before the start, and a name missing": {
			podHeader + "a,1,1,1,500,,LS,Running,0,10,20\n,1,1,1,500,,LS,Running,0,10,0\n",
			"pods.csv:2: deletion_time \"10\": lies before scheduled_time\npods.csv:3: name \"\": is empty",
		},
		"a row cut short": {
			podHeader + "a,1,1,1\n", "pods.csv: record on line 2: wrong number of fields",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := trace.ReadPods("pods.csv", strings.NewReader(tc.in))
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		})
	}
}

func config() trace.Config {
	origin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return trace.Config{
		Origin: origin, From: origin.Add(time.Hour), To: origin.Add(4 * time.Hour),
		Hosts: []trace.Host{{Name: "small", GPUs: 1, Model: "T4"}, {Name: "large", GPUs: 2, Model: "A100"}},
		Seed:  1,
	}
}

func TestPodsArePlacedWaitOrAreCounted(t *testing.T) {
	t.Parallel()
	pods := readPods(t,
		"both,1,1,2,1000,,LS,Running,3600,7200,3600",        // takes the large node
		"half,1,1,1,500,,BE,Running,3700,9000,3700",         // half of the small node
		"other,1,1,1,500,,BE,Running,3700,9000,3700",        // its other half
		"waits,1,1,1,1000,,LS,Running,3800,4800,3800",       // until both ends
		"pending,1,1,1,1000,,LS,Pending,3800,4800,",         // never scheduled
		"early,1,1,1,1000,,LS,Succeeded,100,3600,100",       // over before the range
		"late,1,1,1,1000,,LS,Running,14400,15000,14400",     // begins after it
		"huge,1,1,4,1000,,LS,Running,3600,7200,3600",        // fits nowhere
		"instant,1,1,1,1000,,LS,Failed,4000,4000,4000",      // nothing to meter
		"nogpu,1,1,0,0,,LS,Running,3600,7200,3600",          // none asked for
		"trailing,1,1,1,1000,,LS,Running,10000,90000,10000", // runs past the range
	)
	p, err := trace.Place(pods, config())
	if err != nil {
		t.Fatal(err)
	}
	want := trace.Counts{Pods: 10, Outside: 2, Pending: 1, Empty: 1, Placed: 5, Waited: 1, Never: 1}
	got := p.Counts
	got.TraceGPU = 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	lives := map[string]time.Duration{}
	for _, x := range p.Placed {
		lives[x.Holder.Pod] = x.To.Sub(x.From).Round(2 * time.Second)
	}
	wantLives := map[string]time.Duration{
		"both": time.Hour, "half": 5300 * time.Second, "other": 5300 * time.Second, "waits": 1000 * time.Second, "trailing": 80000 * time.Second,
	}
	if diff := cmp.Diff(wantLives, lives); diff != "" {
		t.Errorf("lives (-want +got):\n%s", diff)
	}
}

// randomPods is a busy trace in which many pods have to wait.
func randomPods(seed uint64) []trace.Pod {
	r := rand.New(rand.NewPCG(seed, 0))
	var pods []trace.Pod
	for i := range 300 {
		from := int64(3000 + r.IntN(12000))
		p := trace.Pod{Name: "p" + strconv.Itoa(i), GPUs: 1, Milli: 10 * (1 + r.IntN(100)), Namespace: "ls", Scheduled: from, Deleted: from + int64(r.IntN(3000))}
		if r.IntN(5) == 0 {
			p.GPUs, p.Milli = 2, 1000
		}
		pods = append(pods, p)
	}
	return pods
}

func TestPlacementIsDeterministicAndNeverOverCapacity(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		a, err := trace.Place(randomPods(seed), config()) // Place validates capacity
		if err != nil {
			t.Fatal(err)
		}
		b, err := trace.Place(randomPods(seed), config())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, b); diff != "" {
			t.Fatalf("seed %d: two placements differ:\n%s", seed, diff)
		}
		if c := a.Counts; c.Outside+c.Pending+c.Empty+c.Placed+c.Never != c.Pods {
			t.Errorf("seed %d: pods are lost: %+v", seed, c)
		}
		if a.Counts.Waited == 0 {
			t.Errorf("seed %d: nothing waited; the test does not test", seed)
		}
	}
}

func TestTruthOfHoursAddsUpToTheHolds(t *testing.T) {
	t.Parallel()
	cfg := config()
	p, err := trace.Place(randomPods(3), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var fromHolds, fromTruth int64
	for _, n := range p.Nodes {
		for _, h := range n.Holds {
			from, to := max(h.From.UnixMilli(), cfg.From.UnixMilli()), min(h.To.UnixMilli(), cfg.To.UnixMilli())
			fromHolds += max(0, to-from) * int64(h.Milli)
		}
	}
	ts := p.Truth(cfg.From, cfg.To)
	for _, x := range ts {
		fromTruth += x.MilliMillis
	}
	if fromHolds != fromTruth || fromTruth == 0 {
		t.Errorf("truth sums to %d, the holds to %d", fromTruth, fromHolds)
	}
	var b bytes.Buffer
	if err := trace.WriteTruth(&b, ts[:1]); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Split(strings.TrimSpace(b.String()), "\n"); len(rows) != 2 || rows[0] != "hour,namespace,pod,pod_uid,container,gpu_seconds" {
		t.Errorf("truth file:\n%s", b.String())
	}
}

func TestGeneratedPodsAreDeterministicAndRunAtOnce(t *testing.T) {
	t.Parallel()
	const week = 7 * 86400
	pods := trace.Generate(1, week, trace.Teams())
	if diff := cmp.Diff(pods, trace.Generate(1, week, trace.Teams())); diff != "" {
		t.Fatalf("two runs differ:\n%s", diff)
	}
	if cmp.Equal(pods, trace.Generate(2, week, trace.Teams())) {
		t.Error("the seed changes nothing")
	}
	origin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p, err := trace.Place(pods, trace.Config{
		Origin: origin, From: origin, To: origin.AddDate(0, 0, 7), Seed: 1,
		Hosts: []trace.Host{{Name: "a", GPUs: 8, Model: "NVIDIA H200"}, {Name: "b", GPUs: 8, Model: "NVIDIA H200"}, {Name: "c", GPUs: 8, Model: "NVIDIA L40S"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c := p.Counts; c.Placed < len(pods)*9/10 {
		t.Errorf("%d of %d pods placed: %+v", c.Placed, len(pods), c)
	}
	namespaces := map[string]bool{}
	for _, x := range p.Placed {
		namespaces[x.Holder.Namespace] = true
	}
	if len(namespaces) < 6 {
		t.Errorf("only the namespaces %v run", namespaces)
	}
}
