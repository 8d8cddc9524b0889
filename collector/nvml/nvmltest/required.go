//go:build real

package nvmltest

// compilerRequired: a run with the real tools must not leave tests out.
const compilerRequired = true
