package gputally_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/source/sourcetest"
)

// TestContract holds the profile to what source.Source says.
func TestContract(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, sourcetest.Profile{
		Name:      gputally.Profile,
		Tolerance: time.Second, // a poll
		New: func(t testing.TB, s sourcetest.Scenario, seed uint64) source.Source {
			m := newMemory()
			if !s.From.IsZero() {
				sceneOf(s).render(m)
			}
			return newCloser(t, gputally.Config{Cluster: sourcetest.Cluster, Reader: inOrder{m, seed}})
		},
	})
}

func sceneOf(s sourcetest.Scenario) scene {
	after := func(at time.Time) int64 { return at.UnixMilli() - t0 }
	sc := oneNode()
	sc.uuids = s.UUIDs
	sc.processes = []process{{"10.0.0.1:9400", after(s.From), after(s.To)}}
	for _, h := range s.Holdings {
		sc.holds = append(sc.holds, hold{uuid: h.UUID, pod: h.Pod, share: h.Share, from: after(h.From), to: after(h.To)})
	}
	return sc
}

// inOrder reads a memory in the order that a seed gives, and by many goroutines
// at once.
type inOrder struct {
	*memory
	seed uint64
}

func (r inOrder) Read(ctx context.Context, q series.Query, yield func(series.Series) error) error {
	m := *r.memory
	m.shuffle = rand.New(rand.NewPCG(r.seed, 0))
	return m.Read(ctx, q, yield)
}
