package archive

import (
	"strings"
	"time"
)

// The layout of the archive in its bucket. No other file of the project spells it.
const (
	reportsPrefix = "reports/"
	csvName       = "report.csv"
	manifestName  = "manifest.json"
	latestName    = "latest.json"

	claimsPrefix = "state/reports/"

	monthsPrefix = "index/published/"
	monthLayout  = "2006-01"
	longName     = "long"
	jsonSuffix   = ".json"

	wholePrefix = "index/reports/" // of the indexes that earlier versions wrote
)

// prefix is where the objects of a report lie, with a slash at the end.
func prefix(name, period, id string) string {
	return reportsPrefix + strings.Join([]string{name, period, id}, "/") + "/"
}

// manifestKey is the key of a report's manifest.
func manifestKey(name, period, id string) string { return prefix(name, period, id) + manifestName }

// nameOf is the name in the key of a manifest.
func nameOf(key string) (name string, isManifest bool) {
	rest, below := strings.CutPrefix(key, reportsPrefix)
	parts := strings.Split(rest, "/")
	return parts[0], below && len(parts) == 4 && parts[3] == manifestName
}

// fileKey is the key of one of a report's files.
func fileKey(name, period, id, file string) string { return prefix(name, period, id) + file }

// periodPrefix is where the objects of a period's reports lie.
func periodPrefix(p Publication) string { return reportsPrefix + p.Name + "/" + p.Period + "/" }

// latestKey is the key of what points to a period's latest report.
func latestKey(p Publication) string { return periodPrefix(p) + latestName }

// parseLatestKey reads what latestKey writes.
func parseLatestKey(key string) (Publication, bool) {
	rest, below := strings.CutPrefix(key, reportsPrefix)
	parts := strings.Split(rest, "/")
	if !below || len(parts) != 3 || parts[2] != latestName {
		return Publication{}, false
	}
	return Publication{parts[0], parts[1]}, true
}

// claimKey is the key of the claim to a report's id.
func claimKey(name, period, id string) string {
	return claimsOf(Publication{name, period}) + id + jsonSuffix
}

// claimsOf is where the claims to the ids of a period's reports lie.
func claimsOf(p Publication) string { return claimsPrefix + p.Name + "/" + p.Period + "/" }

// monthKey is the key of the object of the index that has the record.
func monthKey(r Record) string {
	from := r.From.UTC()
	month := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC)
	if r.To.After(month.AddDate(0, 2, 0)) {
		return monthsPrefix + r.Name + "/" + longName + jsonSuffix
	}
	return monthsPrefix + r.Name + "/" + month.Format(monthLayout) + jsonSuffix
}

// parseMonthKey reads what monthKey writes. The month is its first instant, the
// zero time for the object of long periods.
func parseMonthKey(key string) (name string, month time.Time, ok bool) {
	rest, _ := strings.CutPrefix(key, monthsPrefix)
	name, file, _ := strings.Cut(rest, "/")
	if file == longName+jsonSuffix {
		return name, time.Time{}, name != ""
	}
	month, err := time.Parse(monthLayout+jsonSuffix, file)
	return name, month, err == nil && name != "" && key == monthsPrefix+name+"/"+month.Format(monthLayout)+jsonSuffix
}

// wholeKey is where earlier versions kept all records of a name.
func wholeKey(name string) string { return wholePrefix + name + jsonSuffix }

// parseWholeKey reads what wholeKey writes.
func parseWholeKey(key string) (name string, ok bool) {
	name, ok = strings.CutSuffix(strings.TrimPrefix(key, wholePrefix), jsonSuffix)
	return name, ok && name != "" && !strings.Contains(name, "/")
}
