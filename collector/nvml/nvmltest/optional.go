//go:build !real

package nvmltest

// compilerRequired: without a C compiler the tests of the driver are skipped.
const compilerRequired = false
