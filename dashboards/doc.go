// Package dashboards embeds the Grafana dashboards and the alert rules.
//
// The dashboards are written by `make generate` from dashboards/build; the rules
// are written by hand and tested with promtool.
package dashboards
