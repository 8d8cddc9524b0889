// Package charts holds the Helm chart and, in its tests, what the chart must
// render.
package charts

//go:generate cp ../dashboards/rules/gputally.yaml gputally/files/rules.yaml
//go:generate cp ../dashboards/usage.json gputally/files/usage.json
