// Package exporter renders one snapshot of the meter as Prometheus metrics. A
// scrape is a pure read: it asks no driver, waits for nothing, changes nothing,
// and shows the same to any number of scrapers.
package exporter
