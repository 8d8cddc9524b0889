package ledger

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

const (
	hourly     = "ledger/hourly/"
	daily      = "ledger/daily/"
	history    = "ledger/history/"
	edgesRoot  = "ledger/edges/"
	objectName = "usage.parquet"
	dayLayout  = "date=2006-01-02/"
	hourLayout = dayLayout + "hour=15/"
)

var clusterName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// CheckCluster says whether the name of a cluster can stand in object keys as
// it is. Slashes, spaces and signs that engines escape in partitions can't.
func CheckCluster(name string) error {
	if !clusterName.MatchString(name) {
		return fmt.Errorf("cluster %q: use 1 to 128 letters, digits and . _ -, the first a letter or digit", name)
	}
	return nil
}

// checkHour says whether an object can be named after cluster and hour.
func checkHour(cluster string, hour window.Window) error {
	if hour != window.Hour(hour.From) {
		return fmt.Errorf("window %s is not one hour of UTC", hour)
	}
	return CheckCluster(cluster)
}

// checkDay says whether an object can be named after cluster and day.
func checkDay(cluster string, day window.Window) error {
	if day != dayOf(day.From) {
		return fmt.Errorf("window %s is not one day of UTC", day)
	}
	return CheckCluster(cluster)
}

// dayOf is the day of UTC that contains t.
func dayOf(t time.Time) window.Window { return window.PeriodDay.Containing(t, time.UTC) }

// place is the part of a key that names cluster and hour.
func place(cluster string, at time.Time) string {
	return "cluster=" + cluster + "/" + at.UTC().Format(hourLayout)
}

// dayPlace is the part of a key that names cluster and day.
func dayPlace(cluster string, at time.Time) string {
	return "cluster=" + cluster + "/" + at.UTC().Format(dayLayout)
}

// Key is the object of the hour.
func Key(cluster string, hour window.Window) string {
	return hourly + place(cluster, hour.From) + objectName
}

// DayKey is the object of the day, a window of UTC, in the daily table.
func DayKey(cluster string, day window.Window) string {
	return daily + dayPlace(cluster, day.From) + objectName
}

// parseKey reads what Key writes. Anything else is not ok.
func parseKey(key string) (cluster string, hour window.Window, ok bool) {
	cluster, from, ok := parsePlace(key, hourly, hourLayout+objectName)
	hour = window.Hour(from)
	return cluster, hour, ok && Key(cluster, hour) == key
}

// parseDayKey reads what DayKey writes. Anything else is not ok.
func parseDayKey(key string) (cluster string, day window.Window, ok bool) {
	cluster, from, ok := parsePlace(key, daily, dayLayout+objectName)
	day = dayOf(from)
	return cluster, day, ok && DayKey(cluster, day) == key
}

func parsePlace(key, table, layout string) (cluster string, from time.Time, ok bool) {
	rest, _ := strings.CutPrefix(key, table+"cluster=")
	cluster, rest, _ = strings.Cut(rest, "/")
	from, err := time.Parse(layout, rest)
	return cluster, from, err == nil && CheckCluster(cluster) == nil
}

// edgesKey is the object of the edges at an instant whose rows have the digest.
func edgesKey(cluster string, at time.Time, digest string) string {
	return edgesRoot + place(cluster, at) + digest[:16] + ".parquet"
}

// parseEdgesKey reads the instant from what edgesKey writes.
func parseEdgesKey(key string) (cluster string, at time.Time, ok bool) {
	slash := strings.LastIndexByte(key, '/') + 1
	cluster, at, ok = parsePlace(key[:slash], edgesRoot, hourLayout)
	name, suffix := strings.CutSuffix(key[slash:], ".parquet")
	return cluster, at, ok && suffix && len(name) == 16 && isHex(name)
}

func isHex(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }

func historyPrefix(cluster string, hour window.Window) string {
	return history + place(cluster, hour.From) + "revision="
}

func historyKey(cluster string, hour window.Window, revision int, name string) string {
	return historyPrefix(cluster, hour) + strconv.Itoa(revision) + "/" + name
}

// historyRevision reads the revision from a key of the history.
func historyRevision(key, prefix string) (int, error) {
	number, _, _ := strings.Cut(strings.TrimPrefix(key, prefix), "/")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("object %s: %q is no revision", key, number)
	}
	return n, nil
}

// parseHistoryKey reads hour and revision from what historyKey writes.
func parseHistoryKey(key string) (cluster string, hour window.Window, revision int, ok bool) {
	at := strings.Index(key, "revision=")
	if at < 0 {
		return "", window.Window{}, 0, false
	}
	cluster, from, ok := parsePlace(key[:at], history, hourLayout)
	hour = window.Hour(from)
	revision, err := historyRevision(key, key[:at]+"revision=")
	return cluster, hour, revision, ok && err == nil
}
