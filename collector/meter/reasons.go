package meter

import "time"

// What is logged of the reasons of one failure: no more than reasonsMost in reasonsIn.
const (
	reasonsMost = 20
	reasonsIn   = 10 * time.Minute
)

// reasons are those of a failure that lasts. The zero value is of none.
type reasons struct {
	latest string
	logged int       // since begin
	begin  time.Time // of reasonsIn
}

// news is true if the failure has another reason than at the call before, so
// that it is to be logged.
func (r *reasons) news(reason string, now time.Time) bool {
	if reason == r.latest {
		return false
	}
	r.latest = reason
	if now.Sub(r.begin) >= reasonsIn {
		r.begin, r.logged = now, 0
	}
	r.logged++
	return r.logged <= reasonsMost
}
