package trace

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Workload is a kind of pod that a team starts again and again.
type Workload struct {
	Namespace string
	Name      string  // pods are called <Name>-<number>
	PerDay    float64 // starts a day, on average
	Daytime   bool    // starts between 8 and 18 o'clock of the trace's clock only
	GPUs      int
	Milli     int
	// MinSeconds and MaxSeconds bound the life, which is spread evenly on a
	// logarithmic scale.
	MinSeconds, MaxSeconds float64
}

// Teams are the workloads of a made-up company: long trainings on whole nodes,
// batches, notebooks on parts of a GPU, services that never end, and probes of
// a few seconds.
func Teams() []Workload {
	const minute, hour, day = 60, 3600, 86400
	return []Workload{
		{Namespace: "vision-training", Name: "train", PerDay: 0.8, GPUs: 8, Milli: 1000, MinSeconds: 3 * hour, MaxSeconds: 30 * hour},
		{Namespace: "vision-batch", Name: "eval", PerDay: 40, GPUs: 1, Milli: 1000, MinSeconds: 2 * minute, MaxSeconds: 2 * hour},
		{Namespace: "speech", Name: "finetune", PerDay: 3, GPUs: 2, Milli: 1000, MinSeconds: hour, MaxSeconds: 14 * hour},
		{Namespace: "speech", Name: "notebook", PerDay: 9, Daytime: true, GPUs: 1, Milli: 250, MinSeconds: hour, MaxSeconds: 9 * hour},
		{Namespace: "search-serving", Name: "ranker", PerDay: 0.6, GPUs: 1, Milli: 500, MinSeconds: 4 * day, MaxSeconds: 12 * day},
		{Namespace: "search-serving", Name: "canary", PerDay: 6, Daytime: true, GPUs: 1, Milli: 500, MinSeconds: 10 * minute, MaxSeconds: hour},
		{Namespace: "research-sandbox", Name: "try", PerDay: 30, Daytime: true, GPUs: 1, Milli: 1000, MinSeconds: 20, MaxSeconds: 2 * hour},
		{Namespace: "ci", Name: "probe", PerDay: 120, GPUs: 1, Milli: 1000, MinSeconds: 5, MaxSeconds: 3 * minute},
	}
}

// Churn are containers that come and go all the time: 2 s to 2 h on whole GPUs,
// several of them, and fractions, perDay of them on average.
func Churn(perDay float64) []Workload {
	kind := func(name string, part float64, gpus, milli int) Workload {
		return Workload{Namespace: "churn", Name: name, PerDay: part * perDay, GPUs: gpus, Milli: milli, MinSeconds: 2, MaxSeconds: 7200}
	}
	return []Workload{
		kind("whole", 0.4, 1, 1000), kind("pair", 0.05, 2, 1000), kind("half", 0.2, 1, 500),
		kind("third", 0.1, 1, 330), kind("tenth", 0.25, 1, 100),
	}
}

// Generate makes up the pods that the workloads start in [0, seconds) of the
// trace's clock. The same seed gives the same pods.
func Generate(seed uint64, seconds int64, workloads []Workload) []Pod {
	var pods []Pod
	for i, w := range workloads {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		n := 0
		for at := r.ExpFloat64() * 86400 / w.PerDay; int64(at) < seconds; at += r.ExpFloat64() * 86400 / w.PerDay {
			start := at
			if w.Daytime {
				start = math.Floor(at/86400)*86400 + 3600*(8+10*math.Mod(at, 86400)/86400)
			}
			life := w.MinSeconds * math.Pow(w.MaxSeconds/w.MinSeconds, r.Float64())
			n++
			pods = append(pods, Pod{
				Name: fmt.Sprintf("%s-%05d", w.Name, n), Namespace: w.Namespace,
				GPUs: w.GPUs, Milli: w.Milli, Phase: "Running",
				Scheduled: int64(start), Deleted: int64(start + life),
			})
		}
	}
	slices.SortStableFunc(pods, func(a, b Pod) int { return cmp.Compare(a.Scheduled, b.Scheduled) })
	return pods
}
