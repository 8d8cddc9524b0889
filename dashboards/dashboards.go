// Package dashboards embeds the Grafana dashboards and the alert rules.
//
// The dashboards are written by `make generate` from dashboards/build; the rules
// are written by hand and tested with promtool.
package dashboards

import "embed"

//go:generate go test . -run TestDashboardsAreUpToDate -update

// Files holds the dashboards as *.json and the rules as rules/gputally.yaml.
//
//go:embed *.json rules/gputally.yaml
var Files embed.FS
