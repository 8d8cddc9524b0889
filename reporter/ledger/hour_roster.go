package ledger

import (
	"errors"
	"io"
	"strings"
	"unique"

	"github.com/gputally/gputally/reporter/usage"
)

// devices lists the GPUs that were there at the end of the hour, sorted by UUID:
// those that no row shows absent then. Errors: *CorruptError.
func (f *file) devices() ([]usage.Device, error) {
	scan := &Scan{f, f.rows.Scan(usage.Columns{
		Texts:   []usage.Text{usage.TextNode, usage.TextNodePool, usage.TextUUID, usage.TextModel, usage.TextState},
		Numbers: []usage.Number{usage.NumberHeldTo},
	})}
	d := deviceList{end: f.footer.Window.To.UnixMilli()}
	var b usage.Batch
	for {
		err := scan.Next(&b)
		if errors.Is(err, io.EOF) {
			return d.list(), nil
		}
		if err != nil {
			return nil, err
		}
		for row := range b.Rows {
			d.add(&b, row)
		}
	}
}

// deviceList collects GPUs from rows sorted by UUID.
type deviceList struct {
	end  int64 // of the hour, Unix ms
	all  []usage.Device
	gone bool // the last one of all
}

func (d *deviceList) add(b *usage.Batch, row int) {
	text := func(t usage.Text) []byte { return b.Texts[t].Of(row) }
	uuid := text(usage.TextUUID)
	if n := len(d.all); n == 0 || string(uuid) != d.all[n-1].UUID {
		d.next(usage.Device{
			UUID: string(uuid), Node: shared(string(text(usage.TextNode))),
			NodePool: shared(string(text(usage.TextNodePool))), Model: shared(string(text(usage.TextModel))),
		})
	}
	d.see(usage.State(text(usage.TextState)), b.Numbers[usage.NumberHeldTo][row])
}

// segment adds the next segment of an hour.
func (d *deviceList) segment(s *usage.Segment) {
	if n := len(d.all); n == 0 || s.UUID != d.all[n-1].UUID {
		d.next(usage.Device{UUID: strings.Clone(s.UUID), Node: shared(s.Node), NodePool: shared(s.NodePool), Model: shared(s.Model)})
	}
	d.see(s.State, s.HeldTo)
}

// next begins another GPU.
func (d *deviceList) next(gpu usage.Device) { d.all, d.gone = append(d.list(), gpu), false }

// see adds a row of the GPU at hand.
func (d *deviceList) see(state usage.State, heldTo int64) {
	d.gone = d.gone || state == usage.Absent && heldTo >= d.end
}

// list are the GPUs so far, without the last one if that is gone.
func (d *deviceList) list() []usage.Device {
	if d.gone {
		return d.all[:len(d.all)-1]
	}
	return d.all
}

// shared makes one string of a name that many GPUs have.
func shared(name string) string { return unique.Make(name).Value() }
