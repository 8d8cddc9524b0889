package dashboards

import "embed"

//go:generate go test . -run TestDashboardsAreUpToDate -update

// Files holds the dashboards as *.json and the rules as rules/gputally.yaml.
//
//go:embed *.json rules/gputally.yaml
var Files embed.FS
