package reporter

import "runtime/debug"

const (
	// manyRows is from how many rows of a report on memory is saved. Below it
	// there is little to be saved, and to save it would cost time.
	manyRows = 100_000
	// frugalPercent is how much may be allocated before garbage is collected,
	// in per cent of what is in use. The rows are in few large pieces, so that
	// collecting is cheap.
	frugalPercent = 25
)

// frugal makes the garbage collector save memory while a large report is made.
type frugal struct {
	usual int // GOGC, -1 for never
	on    bool
}

// at says how many rows there are.
func (f *frugal) at(rows int) {
	if f.on || rows < manyRows {
		return
	}
	f.on = true
	f.usual = debug.SetGCPercent(frugalPercent)
	if 0 <= f.usual && f.usual < frugalPercent { // somebody saves more
		debug.SetGCPercent(f.usual)
	}
}

// end makes it work as before.
func (f *frugal) end() {
	if f.on {
		debug.SetGCPercent(f.usual)
	}
}
