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
	history    = "ledger/history/"
	objectName = "usage.parquet"
	hourLayout = "date=2006-01-02/hour=15/"
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

// place is the part of a key that names cluster and hour.
func place(cluster string, hour window.Window) string {
	return "cluster=" + cluster + "/" + hour.From.Format(hourLayout)
}

// Key is the object of the hour.
func Key(cluster string, hour window.Window) string {
	return hourly + place(cluster, hour) + objectName
}

// parseKey reads what Key writes. Anything else is not ok.
func parseKey(key string) (cluster string, hour window.Window, ok bool) {
	rest, _ := strings.CutPrefix(key, hourly+"cluster=")
	cluster, rest, _ = strings.Cut(rest, "/")
	from, err := time.Parse(hourLayout+objectName, rest)
	if err != nil {
		return "", window.Window{}, false
	}
	hour = window.Hour(from)
	return cluster, hour, CheckCluster(cluster) == nil && Key(cluster, hour) == key
}

func historyPrefix(cluster string, hour window.Window) string {
	return history + place(cluster, hour) + "revision="
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
