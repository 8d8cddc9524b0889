package bench

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// The columns of the table. Server columns are empty where there is none.
const (
	headFormat = "\n%-48s %9s %6s %9s %6s %9s %10s %16s\n"
	lineFormat = "  %-46s %9s %6s %9s %6s %9s %10s %16s\n"
)

// title begins a part of the table.
func (r *run) title(format string, args ...any) {
	r.progress("")
	fmt.Fprintf(r.stdout, headFormat, fmt.Sprintf(format, args...), "wall", "", "CPU", "", "memory", "server CPU", "its memory")
}

// line prints what something took, and how often what its yardstick took; that
// may be nil.
func (r *run) line(name string, s spent, yardstick *spent) {
	r.progress("")
	var wall, cpu, serverCPU, serverMemory string
	if yardstick != nil {
		wall, cpu = times(s.wall, yardstick.wall), times(s.cpu, yardstick.cpu)
	}
	if s.server.cpu > 0 {
		serverCPU, serverMemory = seconds(s.server.cpu), fmt.Sprintf("+%d of %s", (s.server.highest-s.server.idle+1<<19)>>20, mebibytes(s.server.highest))
	}
	fmt.Fprintf(r.stdout, lineFormat, name, seconds(s.wall), wall, seconds(s.cpu), cpu, mebibytes(s.memory), serverCPU, serverMemory)
}

// note prints what else is to be said of the line above.
func (r *run) note(format string, args ...any) {
	r.progress("")
	fmt.Fprintf(r.stdout, "    "+format+"\n", args...)
}

func seconds(d time.Duration) string  { return fmt.Sprintf("%.2f s", d.Seconds()) }
func mebibytes(n int64) string        { return fmt.Sprintf("%d MiB", (n+1<<19)>>20) }
func times(a, b time.Duration) string { return fmt.Sprintf("× %.2f", float64(a)/float64(b)) }

// median takes the median of each figure on its own.
func median(all []spent) spent {
	var m spent
	m.wall = middle(all, func(s spent) time.Duration { return s.wall })
	m.cpu = middle(all, func(s spent) time.Duration { return s.cpu })
	m.memory = middle(all, func(s spent) int64 { return s.memory })
	m.server.cpu = middle(all, func(s spent) time.Duration { return s.server.cpu })
	m.server.idle = middle(all, func(s spent) int64 { return s.server.idle })
	m.server.highest = middle(all, func(s spent) int64 { return s.server.highest })
	return m
}

func middle[T cmp.Ordered](all []spent, of func(spent) T) T {
	var values []T
	for _, s := range all {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
