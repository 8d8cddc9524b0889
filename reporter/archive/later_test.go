package archive_test

import (
	"strings"
	"testing"

	"github.com/gputally/gputally/reporter/archive"
)

// Two versions may run at once from this one on: what a later one adds to records,
// the index and manifests is passed over, and kept.
func TestFieldsOfALaterVersionAreKept(t *testing.T) {
	t.Parallel()
	b := newShaky()
	a := open(b, start)
	table := roll(t, spec("eu-1"), day(1))
	first := publish(t, a, table, showback)
	later := strings.NewReplacer(`"name":"showback"`, `"later":[1],"name":"showback"`, `"token":`, `"soon":true,"token":`)
	overwrite(t, b, novemberKey, later.Replace(read(t, b, novemberKey)))
	overwrite(t, b, first.ManifestKey, strings.Replace(read(t, b, first.ManifestKey), `"version": 1,`, `"version": 1, "later": 1,`, 1))

	publishPeriod(t, a, "showback", "2026-11-19", 0)
	if text := read(t, b, novemberKey); strings.Count(text, `"later":[1]`) != 1 || strings.Count(text, `"soon":true`) != 1 {
		t.Errorf("the index is now\n%s", text)
	}
	if all := list(t, open(b, start), archive.Query{}); len(all) != 2 || all[0].ID != first.Manifest.ID {
		t.Errorf("listed are %+v", all)
	}
	if again := publish(t, a, table, showback); again.Manifest.ID != first.Manifest.ID {
		t.Errorf("the same table is published again as %s", again.Manifest.ID)
	}
}
