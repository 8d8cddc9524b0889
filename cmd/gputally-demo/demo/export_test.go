package demo

// What the tests look at.
var (
	OpenFolder = openFolder
	Explain    = explain
)

// Close lets another demo have the folder.
func (f *folder) Close() error { return f.close() }
