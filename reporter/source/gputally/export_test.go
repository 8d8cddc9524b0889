package gputally

// KeepAll returns a Source that folds every sample.
func KeepAll(s *Source) *Source {
	d := *s
	d.keepAll = true
	return &d
}
