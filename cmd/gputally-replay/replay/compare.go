package replay

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/internal/simulate/trace"
	"github.com/gputally/gputally/reporter/bucket/open"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// worstTotal is the largest relative error of all GPU-hours that passes.
const worstTotal = 0.0001

// result compares the ledger with the truth, in GPU-seconds.
type result struct {
	truth, measured   float64
	absolute          float64 // sum of |measured - truth| over pods and hours
	worst             float64 // largest of them
	shortest          time.Duration
	pods, short, lost int // pods; those that lived less than the shortest; others that are missing
	estimated         float64
	coverage          usage.Coverage
}

// held identifies GPU-time by pod and hour.
type held struct {
	holder device.Holder
	hour   time.Time
}

// compare reads the ledger back.
func (r *run) compare(ctx context.Context) (result, error) {
	res := result{shortest: r.shortest}
	measured, err := r.measured(ctx, &res)
	if err != nil {
		return res, err
	}
	found := map[device.Holder]bool{}
	for key := range measured {
		found[key.holder] = true
	}
	for _, t := range r.placement.Truth(r.from, r.to) {
		key := held{t.Holder, t.Hour}
		res.truth += t.Seconds()
		res.off(measured[key] - t.Seconds())
		delete(measured, key)
	}
	for _, seconds := range measured { // what the truth does not have
		res.off(seconds)
	}
	for _, p := range r.placement.Placed {
		life := r.inDays(p)
		if life <= 0 {
			continue
		}
		res.pods++
		switch {
		case life < r.shortest:
			res.short++
		case !found[p.Holder]:
			res.lost++
		}
	}
	return res, nil
}

// inDays is how long a pod lived in the days replayed.
func (r *run) inDays(p trace.Placed) time.Duration {
	from := max(p.From.UnixMilli(), r.from.UnixMilli())
	to := min(p.To.UnixMilli(), r.to.UnixMilli())
	return time.Duration(to-from) * time.Millisecond
}

// off takes the error of one pod and hour into account.
func (res *result) off(by float64) {
	res.absolute += math.Abs(by)
	res.worst = max(res.worst, math.Abs(by))
}

// measured sums the ledger by pod and hour.
func (r *run) measured(ctx context.Context, res *result) (map[held]float64, error) {
	store, err := open.Bucket(ctx, open.Config{URL: r.bucket()})
	if err != nil {
		return nil, err
	}
	books := ledger.New(store, ledger.Config{})
	measured := map[held]float64{}
	for hour := range (window.Window{From: r.from, To: r.to}).Hours() {
		h, _, err := books.Hour(ctx, cluster, hour)
		if err != nil {
			return nil, err
		}
		res.coverage.Expected += h.Coverage.Expected
		res.coverage.Uncovered += h.Coverage.Uncovered
		res.coverage.Residue += h.Coverage.Residue
		for _, s := range h.Segments {
			if s.State != usage.Allocated {
				continue
			}
			holder := device.Holder{Namespace: s.Namespace, Pod: s.Pod, PodUID: s.PodUID, Container: s.Container}
			measured[held{holder, hour.From}] += float64(s.GPUMillis) / 1e3
			res.measured += float64(s.GPUMillis) / 1e3
			res.estimated += float64(s.EstimatedMillis) / 1e3
		}
	}
	return measured, nil
}

// total is the relative error of all GPU-hours.
func (res result) total() float64 { return (res.measured - res.truth) / res.truth }

func (res result) print(w io.Writer, claimed time.Duration) {
	fmt.Fprintf(w, "GPU-hours that the trace claims    %14.4f\n", claimed.Hours())
	fmt.Fprintf(w, "GPU-hours placed: the truth        %14.4f\n", res.truth/3600)
	fmt.Fprintf(w, "GPU-hours in the ledger            %14.4f\n", res.measured/3600)
	fmt.Fprintf(w, "total off by                       %+13.5f %%\n", 100*res.total())
	fmt.Fprintf(w, "sum of errors per pod and hour     %14.5f %%\n", 100*res.absolute/res.truth)
	fmt.Fprintf(w, "largest error of a pod and hour    %14.3f GPU-seconds\n", res.worst)
	fmt.Fprintf(w, "estimated over restarts            %14.4f GPU-hours\n", res.estimated/3600)
	fmt.Fprintf(w, "uncovered                          %14.5f %% of the fleet's time, residue %d ms\n",
		100*float64(res.coverage.Uncovered)/float64(res.coverage.Expected), res.coverage.Residue)
	fmt.Fprintf(w, "pods                               %14d, of them under %s: %d\n", res.pods, res.shortest, res.short)
	fmt.Fprintf(w, "pods of %s or longer missing       %14d\n", res.shortest, res.lost)
}

// verdict is errInexact if the run missed a mark.
func (res result) verdict() error {
	if math.Abs(res.total()) <= worstTotal && res.lost == 0 {
		return nil
	}
	return fmt.Errorf("%w: the total may be off by %.2f %%, and no pod of %s or longer may be missing", errInexact, 100*worstTotal, res.shortest)
}
