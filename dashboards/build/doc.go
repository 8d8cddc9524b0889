// Package build makes the Grafana dashboards from Go, so that panels are typed
// and every metric name comes from the catalogues. `make generate` writes them
// as JSON into the folder above.
package build
