package intern_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/rollup/intern"
	"github.com/gputally/gputally/reporter/usage"
)

// Enough names to grow the table and to fill several pieces and texts.
func TestNamesKeepTheirNumbers(t *testing.T) {
	t.Parallel()
	names := intern.NewNames()
	if names.ID("") != intern.Empty || names.Len() != 1 {
		t.Fatalf("the empty name has number %d of %d", names.ID(""), names.Len())
	}
	name := func(i int) string { return fmt.Sprintf("pod-%d-%s", i, strings.Repeat("x", i%90)) }
	const count = 20_000
	for round := range 2 {
		for i := range count {
			if id := names.ID(name(i)); id != uint32(i+1) {
				t.Fatalf("round %d: name %d has number %d", round, i, id)
			}
		}
	}
	if names.Len() != 1+count {
		t.Fatalf("there are %d names", names.Len())
	}
	for i := range count {
		if got := names.Text(uint32(i + 1)); got != name(i) {
			t.Fatalf("name %d is %q", i, got)
		}
	}
}

func TestNamesOfAllLengths(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		names, numbers := intern.NewNames(), map[string]uint32{"": intern.Empty}
		lengths := rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(intern.Longest-3, intern.Longest), rapid.IntRange(0, 40_000))
		for range rapid.IntRange(0, 12).Draw(rt, "names") {
			name := []byte(strings.Repeat(rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "letter"), lengths.Draw(rt, "length")))
			text := string(name)
			id := names.IDOf(name)
			clear(name) // the caller's memory
			if want, known := numbers[text]; known && id != want {
				rt.Fatalf("%d bytes have number %d, then %d", len(text), want, id)
			} else if !known && int(id) != len(numbers) {
				rt.Fatalf("the next number is %d, not %d", id, len(numbers))
			}
			numbers[text] = id
		}
		for text, id := range numbers {
			if names.Text(id) != text {
				rt.Fatalf("number %d is %d bytes, want %d", id, len(names.Text(id)), len(text))
			}
		}
	})
}

func TestKeysKeepTheirNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		width := rapid.IntRange(1, 4).Draw(rt, "width")
		keys, numbers := intern.NewKeys(width), map[string]uint32{}
		if keys.Width() != width {
			rt.Fatalf("the width is %d", keys.Width())
		}
		for range rapid.IntRange(0, 300).Draw(rt, "keys") {
			key := rapid.SliceOfN(rapid.Uint32Range(0, 5), width, width).Draw(rt, "key")
			number, found := keys.Find(key)
			want, known := numbers[fmt.Sprint(key)]
			if !known {
				want = uint32(len(numbers))
				numbers[fmt.Sprint(key)] = want
			}
			if number != want || found != known || !slices.Equal(keys.At(number), key) || keys.Len() != len(numbers) {
				rt.Fatalf("key %v: number %d, found %v, of %d; want %d, %v, of %d", key, number, found, keys.Len(), want, known, len(numbers))
			}
			key[0] += 7 // the caller's memory
		}
	})
}

func TestKeysOfManyPieces(t *testing.T) {
	t.Parallel()
	keys := intern.NewKeys(2)
	const count = 10_000
	for round := range 2 {
		for i := range uint32(count) {
			if number, found := keys.Find([]uint32{i, i / 2}); number != i || found != (round > 0) {
				t.Fatalf("round %d: key %d has number %d, found %v", round, i, number, found)
			}
		}
	}
	for i := range uint32(count) {
		if !slices.Equal(keys.At(i), []uint32{i, i / 2}) {
			t.Fatalf("key %d is %v", i, keys.At(i))
		}
	}
}

// Whatever comes and goes, a recalled number is the one that Names gives, and a
// position is where the name was in the hour before.
func TestRecallIsWhatNamesSay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		names := intern.NewNames()
		recall := intern.NewRecall(names)
		var before []string
		pod := rapid.Map(rapid.IntRange(0, 200), func(i int) string { return fmt.Sprintf("pod-%03d", i) })
		for range rapid.IntRange(1, 4).Draw(rt, "hours") {
			recall.Hour()
			var hour []string
			for range rapid.IntRange(1, 3).Draw(rt, "batches") {
				list := rapid.SliceOfN(pod, 0, 150).Draw(rt, "names")
				if rapid.Bool().Draw(rt, "sorted") {
					slices.Sort(list)
				}
				var column usage.Names
				for _, name := range list {
					column.Add([]byte(name))
				}
				recall.Batch(&column)
				if recall.Begin != len(hour) || len(recall.IDs) != len(list) || len(recall.Positions) != len(list) {
					rt.Fatalf("begin %d, %d numbers, %d positions of %d names", recall.Begin, len(recall.IDs), len(recall.Positions), len(list))
				}
				for code, name := range list {
					if recall.IDs[code] != names.ID(name) {
						rt.Fatalf("%s has number %d, want %d", name, recall.IDs[code], names.ID(name))
					}
					if at := recall.Positions[code]; at != intern.NoPosition && before[at] != name {
						rt.Fatalf("%s was at %d, where %s was", name, at, before[at])
					}
				}
				hour = append(hour, list...)
			}
			before = hour
		}
	})
}

// In an hour whose names come in the order of the hour before, each is found
// there, also behind as many that ended as are looked over.
func TestRecallFindsWhatGoesOn(t *testing.T) {
	t.Parallel()
	batch := func(r *intern.Recall, pods ...int) []int32 {
		var column usage.Names
		for _, i := range pods {
			column.Add(fmt.Appendf(nil, "pod-%d", i))
		}
		r.Batch(&column)
		return r.Positions
	}
	all := make([]int, 200)
	for i := range all {
		all[i] = i
	}
	for sentence, c := range map[string]struct {
		next []int
		want []int32
	}{
		"the same ones":               {[]int{0, 1, 2}, []int32{0, 1, 2}},
		"some ended":                  {[]int{0, 2, 5, 63, 127}, []int32{0, 2, 5, 63, 127}},
		"63 ended in a row":           {[]int{63, 64}, []int32{63, 64}},
		"64 ended in a row":           {[]int{64, 0}, []int32{intern.NoPosition, 0}},
		"a new one changes nothing":   {[]int{0, 900, 1}, []int32{0, intern.NoPosition, 1}},
		"one that lies behind is new": {[]int{5, 4, 6}, []int32{5, intern.NoPosition, 6}},
		"the last one":                {[]int{60, 120, 180, 199, 0}, []int32{60, 120, 180, 199, intern.NoPosition}},
	} {
		r := intern.NewRecall(intern.NewNames())
		if got := batch(r, all...); slices.Max(got) != intern.NoPosition {
			t.Fatalf("the first hour has positions %v", got)
		}
		r.Hour()
		if got := batch(r, c.next...); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", sentence, got, c.want)
		}
	}
}
