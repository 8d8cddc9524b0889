package series_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/series"

	promlabels "github.com/prometheus/prometheus/model/labels"
	"pgregory.net/rapid"
)

// oddValues draws values of a label: UUIDs, and what is nearly one.
func oddValues() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`GPU-[0-9a-f]{8}-[0-9a-f]{4}`),
		rapid.StringMatching(`GPU-[0-9a-f]{0,5}[g-zA-F.*\n]?`),
		rapid.StringMatching(`(GPU-|MIG-|gpu-|GPU|xGPU-)[0-9a-fA-F]{0,6}`),
		rapid.SampledFrom([]string{"", "GPU-", "GPU-0\n", "GPU-\n0", "GPU-é", "GPU-00é", "GPU.0", "nvidia0", "\xff"}),
		rapid.String(),
	)
}

// picks compiles matchers of one label as Prometheus 3 does, and as Prometheus
// 2 does, where the dot is no line break.
func picks(tb testing.TB, matchers []series.Matcher) (later, earlier func(string) bool) {
	tb.Helper()
	var all []*promlabels.Matcher
	var plain []*regexp.Regexp
	for _, m := range matchers {
		op := map[series.Op]promlabels.MatchType{series.Match: promlabels.MatchRegexp, series.NotMatch: promlabels.MatchNotRegexp}[m.Op]
		compiled, err := promlabels.NewMatcher(op, m.Name, m.Value)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, compiled)
		plain = append(plain, regexp.MustCompile("^(?:"+m.Value+")$"))
	}
	later = func(v string) bool {
		return !slices.ContainsFunc(all, func(m *promlabels.Matcher) bool { return !m.Matches(v) })
	}
	earlier = func(v string) bool {
		for i, re := range plain {
			if re.MatchString(v) != (matchers[i].Op == series.Match) {
				return false
			}
		}
		return true
	}
	return later, earlier
}

// holders counts the pieces that have a value, all halved as the draw says.
func holders(tb testing.TB, pieces []series.Piece, value string, at int64) (later, earlier int) {
	for _, p := range pieces {
		q := p.Of(series.Query{From: time.UnixMilli(1000), To: time.UnixMilli(7_000_000)})
		l, e := picks(tb, q.Matchers)
		inTime := q.From.UnixMilli() <= at && at <= q.To.UnixMilli()
		if l(value) && inTime {
			later++
		}
		if p.Has(value) != l(value) {
			tb.Errorf("a piece that asks for %v has %q: %t", q.Matchers, value, p.Has(value))
		}
		if e(value) && inTime {
			earlier++
		}
	}
	return later, earlier
}

func TestPiecesAreAPartition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := 1 << rapid.IntRange(0, 8).Draw(rt, "n")
		pieces := series.Partition("uuid", "GPU-", n)
		for range rapid.IntRange(0, 20).Draw(rt, "halvings") {
			i := rapid.IntRange(0, len(pieces)-1).Draw(rt, "piece")
			if halves, ok := pieces[i].Halves(); ok {
				pieces = slices.Concat(pieces[:i], halves, pieces[i+1:])
			}
		}
		for range 5 {
			value := oddValues().Draw(rt, "value")
			at := rapid.Int64Range(1000, 7_000_000).Draw(rt, "at")
			if later, earlier := holders(t, pieces, value, at); later != 1 || earlier != 1 {
				rt.Fatalf("%q at %d is in %d and %d pieces of %d", value, at, later, earlier, len(pieces))
			}
		}
	})
}

func TestPartitionsAreInOrder(t *testing.T) {
	t.Parallel()
	not := func(value string) string { return `!~"` + value + `"` }
	for n, want := range map[int][]string{
		0: {""},
		1: {""},
		2: {not("GPU-[0-9a-f].*"), `=~"GPU-[0-7].*"`, `=~"GPU-[8-9a-f].*"`},
		3: {not("GPU-[0-9a-f].*"), `=~"GPU-[0-3].*"`, `=~"GPU-[4-7].*"`, `=~"GPU-[8-9a-b].*"`, `=~"GPU-[c-f].*"`},
	} {
		var got []string
		for _, p := range series.Partition("uuid", "GPU-", n) {
			var text string
			for _, m := range p.Of(series.Query{}).Matchers {
				text += m.Op.String() + fmt.Sprintf("%q", m.Value)
			}
			got = append(got, text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d pieces: %v, want %v", n, got, want)
		}
	}
	for _, n := range []int{16, 32, 4096, 65_536, 1 << 20} {
		pieces := series.Partition("uuid", "GPU-", n)
		if want := min(n, 65_536) + 1; len(pieces) != want {
			t.Errorf("%d pieces, want %d", len(pieces), want)
		}
		last := pieces[len(pieces)-1].Of(series.Query{}).Matchers[0].Value
		if later, _ := picks(t, pieces[1].Of(series.Query{}).Matchers); !later("GPU-00000000") || !strings.Contains(last, "f") {
			t.Errorf("%d pieces: the first does not begin with zeros, or the last is %s", n, last)
		}
	}
}

func TestAPieceIsHalvedByDigitsAndThenByTime(t *testing.T) {
	t.Parallel()
	q := series.Query{From: time.UnixMilli(0), To: time.UnixMilli(75*60_000 - 1), Matchers: []series.Matcher{{Name: "__name__", Value: "seconds"}}}
	p := series.Partition("uuid", "GPU-", 1)[0]
	var steps []string
	for {
		halves, ok := p.Halves()
		if !ok {
			break
		}
		p = halves[len(halves)-1]
		of := p.Of(q)
		steps = append(steps, fmt.Sprintf("%s %v", of.Matchers[len(of.Matchers)-1].Value, of.To.Sub(of.From)+time.Millisecond))
	}
	want := []string{
		"GPU-[8-9a-f].* 1h15m0s", "GPU-[c-f].* 1h15m0s", "GPU-[e-f].* 1h15m0s", "GPU-f.* 1h15m0s",
		"GPU-f[8-9a-f].* 1h15m0s", "GPU-f[c-f].* 1h15m0s", "GPU-f[e-f].* 1h15m0s", "GPU-ff.* 1h15m0s",
		"GPU-ff[8-9a-f].* 1h15m0s", "GPU-ff[c-f].* 1h15m0s", "GPU-ff[e-f].* 1h15m0s", "GPU-fff.* 1h15m0s",
		"GPU-fff[8-9a-f].* 1h15m0s", "GPU-fff[c-f].* 1h15m0s", "GPU-fff[e-f].* 1h15m0s", "GPU-ffff.* 1h15m0s",
		"GPU-ffff.* 37m30s", "GPU-ffff.* 18m45s", "GPU-ffff.* 9m22.5s", "GPU-ffff.* 4m41.25s", "GPU-ffff.* 2m20.625s",
	}
	if !slices.Equal(steps, want) {
		t.Errorf("steps\n%s\nwant\n%s", strings.Join(steps, "\n"), strings.Join(want, "\n"))
	}
	if p.Of(q).Matchers[0] != q.Matchers[0] || len(q.Matchers) != 1 || p.Of(q).To != q.To.UTC() {
		t.Errorf("the query of the last piece is %v", p.Of(q))
	}
}

func TestAPieceWithoutALabelIsHalvedByTime(t *testing.T) {
	t.Parallel()
	q := series.Query{From: time.UnixMilli(1), To: time.UnixMilli(100)}
	halves, ok := series.Piece{}.Halves()
	if !ok || len(halves) != 2 {
		t.Fatalf("%d halves", len(halves))
	}
	early, late := halves[0].Of(q), halves[1].Of(q)
	if early.From.UnixMilli() != 1 || early.To.UnixMilli() != 50 || late.From.UnixMilli() != 51 || late.To.UnixMilli() != 100 {
		t.Errorf("halves %v to %v and %v to %v", early.From, early.To, late.From, late.To)
	}
}

// BenchmarkMatcher is what a server does to find the values of a piece.
func BenchmarkMatcher(b *testing.B) {
	values := make([]string, 100_000)
	for i := range values {
		values[i] = fmt.Sprintf("GPU-%08x-5f0f-4000-8000-000000000000", uint32(i)*2_654_435_761)
	}
	for _, n := range []int{2, 16, 256, 4096, 65_536} {
		pieces := series.Partition("uuid", "GPU-", n)
		for name, p := range map[string]series.Piece{"others": pieces[0], "digits": pieces[len(pieces)/2]} {
			later, _ := picks(b, p.Of(series.Query{}).Matchers)
			b.Run(fmt.Sprintf("%s of %d", name, n), func(b *testing.B) {
				for b.Loop() {
					for _, v := range values {
						later(v)
					}
				}
			})
		}
	}
}
