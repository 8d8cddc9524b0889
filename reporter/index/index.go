package index

import (
	"context"
	"crypto/rand"
	"log/slog"
	randv2 "math/rand/v2"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
)

// Config is what an Index is made with. The zero Config works.
type Config struct {
	// Clock gives the time for the field updated; without one it is left out.
	Clock func() time.Time
	// Token returns a text that it never returned before. Default: 128 random bits.
	Token func() string
	// Jitter returns a number in [0, 1) that spreads the pauses of writers
	// that collide. Default: random.
	Jitter func() float64
	// Sleep waits, or returns the context's error. Default: a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Logger hears at debug level about updates that begin again. Default: none.
	Logger *slog.Logger
}

// Index reads and updates the index in a bucket. It may be used by many
// goroutines, and by many processes on one bucket.
type Index struct {
	bucket  bucket.Bucket
	config  Config
	written *written
}

// New returns the index in the bucket.
func New(b bucket.Bucket, c Config) *Index {
	if c.Token == nil {
		c.Token = rand.Text
	}
	if c.Jitter == nil {
		c.Jitter = randv2.Float64
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Index{b, c, &written{byFolder: map[string][]writtenObject{}, before: map[string]string{}}}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
