package nvmltest

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// WriteFile puts the scenario in place of the file at path, all at once.
func (s Scenario) WriteFile(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".scenario-*")
	if err != nil {
		return fmt.Errorf("write scenario: %w", err)
	}
	defer os.Remove(f.Name()) // fails once renamed
	_, err = f.WriteString(s.text())
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write scenario: %w", err)
	}
	return nil
}

// text is one "key value" a line; lines after "gpu" belong to that GPU.
func (s Scenario) text() string {
	var b lines
	b.put("init", int(s.Init))
	b.put("count_error", int(s.CountError))
	b.put("number", s.Count)
	b.put("count_hang", s.CountHang.Milliseconds())
	b.put("events_error", int(s.EventsError))
	b.put("wait_error", int(s.WaitError))
	b.put("wait_hang", btoi(s.WaitHang))
	b.put("driver", s.Driver)
	b.put("cuda", s.CUDA)
	for _, g := range s.GPUs {
		g.text(&b)
	}
	return b.String()
}

func (g GPU) text(b *lines) {
	b.put("gpu", cmp.Or(g.UUID, "-"))
	b.put("name", g.Name)
	b.put("bus", g.BusID)
	b.put("minor", g.Minor)
	b.put("total", g.MemoryTotal)
	b.put("reserved", g.MemoryReserved)
	b.put("used", g.MemoryUsed)
	b.put("utilization", g.Utilization)
	b.put("power", g.Power)
	b.put("limit", g.MaxPower)
	b.put("temperature", g.Temperature)
	b.put("energy", g.Energy)
	b.put("mig", g.MIG)
	b.put("cut", cmp.Or(g.Slices, 7))
	b.put("error", int(g.Error))
	b.put("hang", g.Hang.Milliseconds())
	b.put("compute", list(g.Compute))
	b.put("graphics", list(g.Graphics))
	b.put("mps", list(g.MPS))
	b.put("xids", list(g.XIDs))
	b.put("corrected", g.ECCCorrected)
	b.put("uncorrected", g.ECCUncorrected)
	b.put("rows", strings.Trim(fmt.Sprint(g.Rows), "[]"))
	for _, f := range g.Fields {
		b.put("field", fmt.Sprint(f.ID, " ", int(f.Kind), " ", f.Value))
	}
	for _, p := range g.Details {
		b.put("process", fmt.Sprint(p.PID, " ", p.Memory, " ", p.GI, " ", p.CI))
	}
	for _, e := range g.Work {
		b.put("work", fmt.Sprint(e.PID, " ", e.At.Microseconds(), " ", e.Percent))
	}
	for _, m := range g.Instances {
		b.put("instance", fmt.Sprint(m.Index, " ", m.UUID, " ", m.GI, " ", m.CI, " ", m.GPUSlices, " ", m.ComputeSlices, " ", m.MemoryMiB, " ", m.MemoryUsed, " ", m.Name))
	}
	b.put("gpm", g.Counters.text(-1))
	for _, m := range g.Instances {
		b.put("gpm", m.Counters.text(m.Index))
	}
	for _, e := range g.Samples {
		b.put("sample", fmt.Sprint(e.At.Microseconds(), " ", e.Percent))
	}
	b.put("whole", btoi(g.FailsWhole))
	for _, name := range slices.Sorted(maps.Keys(g.Fails)) {
		b.put("fails", fmt.Sprint(name, " ", int(g.Fails[name])))
	}
}

// lines is a text being written.
type lines struct{ strings.Builder }

func (b *lines) put(key string, value any) {
	if text := fmt.Sprint(value); text != "" {
		fmt.Fprintln(b, key, text)
	}
}

func list(pids []int) string {
	return strings.Trim(fmt.Sprint(pids), "[]")
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *Counters) text(index int) string {
	if c == nil {
		return ""
	}
	return fmt.Sprint(index, " ", c.Clock, " ", c.Graphics, " ", c.SM, " ", c.Tensor, " ", c.DRAM)
}
