package reporter

import (
	"fmt"
	"io"
	"sync"
)

// output is the standard output of a command. It keeps the first error: a table or
// a list of findings that is cut off looks whole to whoever reads it.
type output struct {
	to  io.Writer
	mu  sync.Mutex
	err error
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.to.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// failed returns what a command ended with, and where that is nothing, that not all
// of what it printed was written.
func (o *output) failed(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil && o.err != nil {
		return fmt.Errorf("not all of the output was written: %w", o.err)
	}
	return err
}

// help is the same for a writer that may not fail: the parser of flags panics.
type help struct{ *output }

func (h help) Write(p []byte) (int, error) {
	_, _ = h.output.Write(p) // kept
	return len(p), nil
}
