package child

import (
	"io"
	"strings"
	"sync"
)

const (
	tailBytes = 8 << 10 // of what a program wrote are kept
	tailLines = 8       // of these stand behind an error
)

// tail keeps the last bytes written to it and hands all of them on.
type tail struct {
	also io.Writer // may be nil
	mu   sync.Mutex
	buf  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if extra := len(t.buf) - tailBytes; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	if t.also != nil {
		// A log that can't be written must not end the program behind the pipe.
		_, _ = t.also.Write(p)
	}
	return len(p), nil
}

// Output is the end of what the program wrote, 8 KiB at most.
func (c *Child) Output() string {
	c.tail.mu.Lock()
	defer c.tail.mu.Unlock()
	return string(c.tail.buf)
}

// LastLines is what to put behind an error: the last eight lines that the program
// wrote, with an introduction; "" if it wrote nothing.
func (c *Child) LastLines() string {
	lines := strings.Split(strings.TrimSpace(c.Output()), "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	if lines[0] == "" {
		return ""
	}
	return "; its last lines:\n  " + strings.Join(lines, "\n  ")
}
