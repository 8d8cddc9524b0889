package instrument

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/metric"
)

// The operations and results: the values of the labels.
const (
	opGet    = "get"
	opStat   = "stat"
	opPut    = "put"
	opDelete = "delete"
	opList   = "list"

	resultOK        = "ok"
	resultNotFound  = "not_found" // expected now and then, as a conflict is
	resultConflict  = "conflict"
	resultDenied    = "denied"
	resultCancelled = "cancelled" // by us
	resultError     = "error"
)

// Bucket passes operations on and counts them.
type Bucket struct {
	inner    bucket.Bucket
	now      func() time.Time
	count    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

var _ bucket.Bucket = (*Bucket)(nil)

// New wraps a bucket. All series are there from the start, at zero. The time
// of a Get ends when the object is opened; that of a List leaves out what the
// caller does between two objects.
func New(inner bucket.Bucket, registry prometheus.Registerer, now func() time.Time) (*Bucket, error) {
	b := &Bucket{
		inner: inner, now: now,
		count: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: metric.BucketOperations.Name, Help: metric.BucketOperations.Help,
		}, metric.BucketOperations.Labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: metric.BucketDuration.Name, Help: metric.BucketDuration.Help,
			Buckets: prometheus.ExponentialBuckets(0.002, 4, 8), // 2 ms to 33 s
		}, metric.BucketDuration.Labels),
	}
	for _, op := range []string{opGet, opStat, opPut, opDelete, opList} {
		b.duration.WithLabelValues(op)
		for _, result := range []string{resultOK, resultNotFound, resultConflict, resultDenied, resultCancelled, resultError} {
			b.count.WithLabelValues(op, result)
		}
	}
	var err error
	if b.count, err = metric.Register(registry, b.count); err == nil {
		b.duration, err = metric.Register(registry, b.duration)
	}
	if err != nil {
		return nil, fmt.Errorf("metrics of the bucket: %w", err)
	}
	return b, nil
}

// Get opens an object.
func (b *Bucket) Get(ctx context.Context, key string) (io.ReadCloser, bucket.Object, error) {
	start := b.now()
	r, obj, err := b.inner.Get(ctx, key)
	b.done(opGet, b.now().Sub(start), err)
	return r, obj, err
}

// Stat describes an object.
func (b *Bucket) Stat(ctx context.Context, key string) (bucket.Object, error) {
	start := b.now()
	obj, err := b.inner.Stat(ctx, key)
	b.done(opStat, b.now().Sub(start), err)
	return obj, err
}

// Put stores an object.
func (b *Bucket) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	start := b.now()
	obj, err := b.inner.Put(ctx, key, body, size, cond)
	b.done(opPut, b.now().Sub(start), err)
	return obj, err
}

// Delete removes an object.
func (b *Bucket) Delete(ctx context.Context, key string, cond bucket.Condition) error {
	start := b.now()
	err := b.inner.Delete(ctx, key, cond)
	b.done(opDelete, b.now().Sub(start), err)
	return err
}

// List yields the objects whose keys begin with prefix.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error] {
	return func(yield func(bucket.Object, error) bool) {
		var spent time.Duration
		var failure error
		defer func() { b.done(opList, spent, failure) }()
		start := b.now()
		for obj, err := range b.inner.List(ctx, prefix) {
			spent += b.now().Sub(start)
			failure = err
			if !yield(obj, err) {
				return
			}
			start = b.now()
		}
		spent += b.now().Sub(start)
	}
}

func (b *Bucket) done(op string, took time.Duration, err error) {
	b.duration.WithLabelValues(op).Observe(took.Seconds())
	b.count.WithLabelValues(op, result(err)).Inc()
}

func result(err error) string {
	switch {
	case err == nil:
		return resultOK
	case errors.Is(err, bucket.ErrNotFound):
		return resultNotFound
	case errors.Is(err, bucket.ErrConflict):
		return resultConflict
	case errors.Is(err, bucket.ErrDenied):
		return resultDenied
	case errors.Is(err, context.Canceled):
		return resultCancelled
	}
	return resultError
}
