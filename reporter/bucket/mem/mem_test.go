package mem_test

import (
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/buckettest"
	"github.com/gputally/gputally/reporter/bucket/mem"
)

func TestBucket(t *testing.T) {
	t.Parallel()
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return mem.New(time.Now) })
}
