//go:build !real

package buckettest

const (
	manyObjects = 1100 // S3 gives 1,000 a page
	increments  = 6    // of each writer
)
