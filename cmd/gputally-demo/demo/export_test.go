package demo

// What the tests look at.
var (
	OpenFolder = openFolder
	Explain    = explain
	Days       = reportedDays
)

// Close lets another demo have the folder.
func (f *folder) Close() error { return f.close() }
