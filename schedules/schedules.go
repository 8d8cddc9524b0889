package schedules

import (
	"embed"
	"io/fs"
)

//go:embed *.yaml
var files embed.FS

// Files are the shipped schedules, in the format of schedules.yaml.
func Files() fs.FS { return files }
