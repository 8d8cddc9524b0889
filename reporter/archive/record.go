package archive

import (
	"fmt"
	"math"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// Record describes a published report.
type Record index.ReportRecord

// Window is the report's period.
func (r Record) Window() window.Window { return window.Window{From: r.From, To: r.To} }

// Cursor is the report's place in a List: a text that is greater the later the
// report comes there.
func (r Record) Cursor() string {
	return fmt.Sprintf("%019d-%019d/%s/%s/%010d/%s",
		math.MaxInt64-r.From.UnixMilli(), math.MaxInt64-r.To.UnixMilli(), r.Name, r.PeriodKey, math.MaxInt32-r.Revision, r.ID)
}

// Published says where a report is.
type Published struct {
	Manifest    report.Manifest // as it is stored
	ManifestKey string
	CSVKey      string // "" if the report is Failed
}
