package archive

import "strings"

// The layout of the archive in its bucket. No other file of the project spells it.
const (
	reportsPrefix = "reports/"
	csvName       = "report.csv"
	manifestName  = "manifest.json"

	claimsPrefix = "state/reports/"
)

// prefix is where the objects of a report lie, with a slash at the end.
func prefix(name, period, id string) string {
	return reportsPrefix + strings.Join([]string{name, period, id}, "/") + "/"
}

// manifestKey is the key of a report's manifest.
func manifestKey(name, period, id string) string { return prefix(name, period, id) + manifestName }

// claimKey is the key of the claim to a report's id.
func claimKey(name, period, id string) string {
	return claimsPrefix + strings.Join([]string{name, period, id}, "/") + ".json"
}

// fileKey is the key of one of a report's files.
func fileKey(name, period, id, file string) string { return prefix(name, period, id) + file }
