package trace

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Pod is one row of a trace's pod list. Times are seconds since the trace began.
type Pod struct {
	Name      string
	GPUs      int    // whole GPUs asked for, or 1 with a fraction
	Milli     int    // thousandths of each GPU, 1 to 1000
	Namespace string // the trace has none: the pod's class of service stands in
	Phase     string
	Scheduled int64 // -1 if it never was
	Deleted   int64
}

// Host is one row of a trace's node list.
type Host struct {
	Name  string
	GPUs  int
	Model string
}

// podColumns and nodeColumns are the headers of the openb trace.
var (
	podColumns  = []string{"name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec", "qos", "pod_phase", "creation_time", "deletion_time", "scheduled_time"}
	nodeColumns = []string{"sn", "cpu_milli", "memory_mib", "gpu", "model"}
)

// ReadPods reads a pod list. Pods that ask for no GPU are left out and counted.
// name stands for the input in errors, which name line and field.
func ReadPods(name string, r io.Reader) (pods []Pod, withoutGPU int, err error) {
	err = readRows(name, r, podColumns, func(row *row) {
		p := Pod{
			Name:      row.text("name"),
			GPUs:      int(row.number("num_gpu", 64)),
			Milli:     int(row.number("gpu_milli", 1000)),
			Namespace: strings.ToLower(row.text("qos")),
			Phase:     row.text("pod_phase"),
			Scheduled: -1,
		}
		if p.GPUs == 0 {
			withoutGPU++
			return
		}
		if p.Milli == 0 || p.GPUs > 1 && p.Milli != 1000 {
			row.fail("gpu_milli", "must be 1 to 1000, and 1000 for a pod of several GPUs")
		}
		p.Deleted = row.number("deletion_time", 1<<40)
		if row.field("scheduled_time") != "" {
			p.Scheduled = row.number("scheduled_time", 1<<40)
			if p.Deleted < p.Scheduled {
				row.fail("deletion_time", "lies before scheduled_time")
			}
		}
		pods = append(pods, p)
	})
	return pods, withoutGPU, err
}

// ReadHosts reads a node list. Nodes without a GPU are left out.
func ReadHosts(name string, r io.Reader) ([]Host, error) {
	var hosts []Host
	err := readRows(name, r, nodeColumns, func(row *row) {
		h := Host{Name: row.text("sn"), GPUs: int(row.number("gpu", 64))}
		if h.GPUs > 0 {
			h.Model = row.text("model")
			hosts = append(hosts, h)
		}
	})
	return hosts, err
}

// maxErrors is how many bad fields are reported at once.
const maxErrors = 10

func readRows(name string, r io.Reader, columns []string, each func(*row)) error {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	header, err := c.Read()
	if err != nil {
		return fmt.Errorf("%s: read the header: %w", name, err)
	}
	if !slices.Equal(header, columns) {
		return fmt.Errorf("%s:1: columns are %q, want %q", name, header, columns)
	}
	row := &row{name: name, columns: columns}
	for {
		row.fields, err = c.Read()
		if errors.Is(err, io.EOF) {
			return errors.Join(row.errs...)
		}
		if err != nil {
			return errors.Join(append(row.errs, fmt.Errorf("%s: %w", name, err))...)
		}
		row.line, _ = c.FieldPos(0)
		each(row)
		if len(row.errs) >= maxErrors {
			return errors.Join(append(row.errs, fmt.Errorf("%s: too many errors", name))...)
		}
	}
}

// row gives the fields of a line by column and collects what is wrong with them.
type row struct {
	name    string
	columns []string
	line    int
	fields  []string
	errs    []error
}

func (r *row) field(column string) string { return r.fields[slices.Index(r.columns, column)] }

func (r *row) fail(column, why string) {
	r.errs = append(r.errs, fmt.Errorf("%s:%d: %s %q: %s", r.name, r.line, column, r.field(column), why))
}

func (r *row) text(column string) string {
	v := r.field(column)
	if v == "" {
		r.fail(column, "is empty")
	}
	return v
}

func (r *row) number(column string, high int64) int64 {
	v, err := strconv.ParseInt(r.field(column), 10, 64)
	if err != nil || v < 0 || v > high {
		r.fail(column, fmt.Sprintf("is no whole number from 0 to %d", high))
		return 0
	}
	return v
}
