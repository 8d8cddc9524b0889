//go:build !real

package properties

// Often tells whether there is time.
const Often = false
