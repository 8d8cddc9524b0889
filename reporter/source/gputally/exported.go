package gputally

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
)

// exportedPrefix is what Prometheus puts before the name of a label that the exporter
// wrote, where the target has one of the same name and honor_labels is off.
const exportedPrefix = "exported_"

// identity names the labels that an exporter writes, by the names that they may have:
// their own, and those that Prometheus gives them. The other labels of a series say
// from which target it comes.
type identity map[string]string

func newIdentity() identity {
	id := identity{nameLabel: nameLabel}
	for _, f := range metric.Families() {
		for _, l := range f.Labels {
			id.add(l)
		}
	}
	return id
}

func (id identity) add(name string) { id[name], id[exportedPrefix+name] = name, name }

// appendTarget appends the labels that make a series' target. A target that keeps
// labels with names of ours, such as the collector's own pod, still joins: they are
// left out everywhere.
func (id identity) appendTarget(key []byte, ls series.Labels) []byte {
	for _, l := range ls {
		if id[l.Name] == "" {
			key = append(append(append(append(key, l.Name...), 0xff), l.Value...), 0xff)
		}
	}
	return key
}

// isRenamed tells whether a label is one that Prometheus renamed.
func (id identity) isRenamed(l series.Label) bool {
	own := id[l.Name]
	return own != "" && own != l.Name
}

// asExported gives series the labels that their exporter wrote.
type asExported struct {
	identity  identity
	raw, room series.Labels // the latest series' labels as they came, and as they were
}

// labels returns labels as the exporter wrote them, with the target's others. They are
// valid until the next call, or as long as ls.
func (e *asExported) labels(ls series.Labels) series.Labels {
	e.raw = ls
	if !slices.ContainsFunc(ls, e.identity.isRenamed) {
		return ls
	}
	e.room = e.room[:0]
	for _, l := range ls {
		switch own := e.identity[l.Name]; {
		case own != "" && own != l.Name:
			e.room = append(e.room, series.Label{Name: own, Value: l.Value})
		case own == "" || !e.renamed(own):
			e.room = append(e.room, l)
		}
	}
	slices.SortFunc(e.room, func(a, b series.Label) int { return cmp.Compare(a.Name, b.Name) })
	return e.room
}

// renamed tells whether the latest series had the exporter's label under another name.
func (e *asExported) renamed(name string) bool {
	return slices.ContainsFunc(e.raw, func(l series.Label) bool { return l.Name != name && e.identity[l.Name] == name })
}

// twice returns a label of the latest series that was renamed twice, "" if there is none:
// by two scrapes, one of the other, so that nobody can say which one is the exporter's.
func (e *asExported) twice() string {
	for _, l := range e.raw {
		if rest, ok := strings.CutPrefix(l.Name, exportedPrefix); ok && e.identity.isRenamed(series.Label{Name: rest}) {
			return l.Name
		}
	}
	return ""
}
