package metric

import "github.com/gputally/gputally/collector/metric"

// The labels of the bucket's families.
const (
	LabelOperation = "operation"
	LabelResult    = "result"
)

// histogram is a type that no family of the catalogue has.
const histogram metric.Type = "histogram"

// Operations on the bucket. Families leaves them out, because they are counted
// where they happen (bucket/instrument), not read from what the reporter knows.
var (
	BucketOperations = metric.Family{
		Name: "gputally_bucket_operations_total", Type: metric.Counter,
		Labels: []string{LabelOperation, LabelResult},
		Help:   "Operations on the bucket by their result; denied and error are failures.",
	}
	BucketDuration = metric.Family{
		Name: "gputally_bucket_operation_duration_seconds", Type: histogram, Unit: "seconds",
		Labels: []string{LabelOperation},
		Help:   "Time that the bucket took for an operation, retries included.",
	}
)
