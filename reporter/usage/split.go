package usage

// Split cuts the segment of a row in two at an instant within it, Unix ms, as
// Segment.Cut cuts it: the row keeps the first part, the second becomes the last
// row. The times and all quantities must be there.
func (b *Batch) Split(row int, at int64) {
	var whole Segment
	for column := range Numbers {
		*whole.number(column) = b.Numbers[column][row]
	}
	before, _ := whole.Cut(whole.HeldFrom, at)
	after, _ := whole.Cut(at, whole.HeldTo)
	for column := range Numbers {
		b.Numbers[column][row] = *before.number(column)
		b.Numbers[column] = append(b.Numbers[column], *after.number(column))
	}
	for column := range b.Texts {
		if codes := b.Texts[column].Codes; len(codes) > 0 {
			b.Texts[column].Codes = append(codes, codes[row])
		}
	}
	b.Rows++
}
