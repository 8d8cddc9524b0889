package usage

// Text is a column of segments that holds names.
type Text int

// The columns with names, in the order of Segment.
const (
	TextCluster Text = iota
	TextNode
	TextNodePool
	TextUUID
	TextModel
	TextState
	TextNamespace
	TextPod
	TextPodUID
	TextContainer
	// Texts is how many there are.
	Texts
)

// Number is a column of segments that holds times or quantities.
type Number int

// The columns with numbers, in the order of Segment. A share is in none: who
// adds up segments has no use for it.
const (
	NumberHeldFrom Number = iota
	NumberHeldTo
	NumberGPU
	NumberActive
	NumberIdle
	NumberObserved
	NumberEstimated
	NumberMemory
	NumberEnergy
	// Numbers is how many there are.
	Numbers
)

// Columns are some of the columns of segments.
type Columns struct {
	Texts   []Text
	Numbers []Number
}

// Batch holds segments by column, for who adds up millions of them: a name is
// there once, however many segments have it, and a column that was not asked
// for costs nothing. A batch is filled over and over again.
type Batch struct {
	Rows    int
	Texts   [Texts]Names     // empty where the column was not read
	Numbers [Numbers][]int64 // of Rows values; empty where the column was not read
}

// Names is a column with names: the code of each row, and the names by code.
// A name may have several codes.
type Names struct {
	Codes []int32
	bytes []byte
	ends  []uint32
}

// Len is the number of codes.
func (n *Names) Len() int { return len(n.ends) }

// At is the name with the code. It is valid until the batch is filled again.
func (n *Names) At(code int32) []byte {
	var from uint32
	if code > 0 {
		from = n.ends[code-1]
	}
	return n.bytes[from:n.ends[code]]
}

// Of is the name of a row.
func (n *Names) Of(row int) []byte { return n.At(n.Codes[row]) }

// Longest is the length of the longest name in bytes.
func (n *Names) Longest() int {
	longest, begin := 0, uint32(0)
	for _, end := range n.ends {
		longest = max(longest, int(end-begin))
		begin = end
	}
	return longest
}

// Add gives the next code to a name.
func (n *Names) Add(name []byte) int32 {
	n.bytes = append(n.bytes, name...)
	n.ends = append(n.ends, uint32(len(n.bytes)))
	return int32(len(n.ends) - 1)
}

func (n *Names) reset() { n.Codes, n.bytes, n.ends = n.Codes[:0], n.bytes[:0], n.ends[:0] }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.Rows = 0
	for i := range b.Texts {
		b.Texts[i].reset()
	}
	for i := range b.Numbers {
		b.Numbers[i] = b.Numbers[i][:0]
	}
}

// Fill makes the batch hold all columns of the segments.
func (b *Batch) Fill(segments []Segment) {
	b.Reset()
	b.Rows = len(segments)
	for column := range Texts {
		names := &b.Texts[column]
		codes := map[string]int32{}
		for i := range segments {
			name := *segments[i].text(column)
			code, ok := codes[name]
			if !ok {
				code = names.Add([]byte(name))
				codes[name] = code
			}
			names.Codes = append(names.Codes, code)
		}
	}
	for column := range Numbers {
		for i := range segments {
			b.Numbers[column] = append(b.Numbers[column], *segments[i].number(column))
		}
	}
}

// Cut keeps what lies in [from, to), Unix ms, as Segment.Cut cuts it. The times
// and all quantities must be there.
func (b *Batch) Cut(from, to int64) {
	kept := 0
	for i := range b.Rows {
		var s Segment
		for column := range Numbers {
			*s.number(column) = b.Numbers[column][i]
		}
		s, ok := s.Cut(from, to)
		if !ok {
			continue
		}
		for column := range Numbers {
			b.Numbers[column][kept] = *s.number(column)
		}
		for column := range b.Texts {
			if codes := b.Texts[column].Codes; len(codes) > 0 {
				codes[kept] = codes[i]
			}
		}
		kept++
	}
	b.truncate(kept)
}

func (b *Batch) truncate(rows int) {
	b.Rows = rows
	for column := range b.Texts {
		if codes := b.Texts[column].Codes; len(codes) > 0 {
			b.Texts[column].Codes = codes[:rows]
		}
	}
	for column := range b.Numbers {
		if numbers := b.Numbers[column]; len(numbers) > 0 {
			b.Numbers[column] = numbers[:rows]
		}
	}
}

// text is where the segment keeps a name.
func (s *Segment) text(column Text) *string {
	return [Texts]*string{
		&s.Cluster, &s.Node, &s.NodePool, &s.UUID, &s.Model,
		(*string)(&s.State), &s.Namespace, &s.Pod, &s.PodUID, &s.Container,
	}[column]
}

// number is where the segment keeps a number.
func (s *Segment) number(column Number) *int64 {
	return [Numbers]*int64{
		&s.HeldFrom, &s.HeldTo, &s.GPUMillis, &s.ActiveMillis, &s.IdleMillis, &s.ObservedMillis, &s.EstimatedMillis,
		&s.MemoryByteSeconds, &s.EnergyMillijoules,
	}[column]
}
