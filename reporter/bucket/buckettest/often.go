//go:build real

package buckettest

const (
	manyObjects = 2500 // S3 gives 1,000 a page
	increments  = 25   // of each writer
)
