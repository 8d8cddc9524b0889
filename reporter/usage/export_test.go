package usage

// Unthinned returns a Closer that folds every sample.
func Unthinned(c *Closer) *Closer {
	d := *c
	d.unthinned = true
	return &d
}
