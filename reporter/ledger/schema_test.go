package ledger_test

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// stored is the small hour's object as the Parquet library shows it.
func stored(t *testing.T) *parquet.File {
	t.Helper()
	b := empty()
	closeWith(t, b, hourAt(t, "2026-11-20T05:00:00Z"), edgesAt(1), edgesAt(2))
	data := read(t, b, hourKey)
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Whoever reads the ledger with another engine relies on these.
func TestColumns(t *testing.T) {
	t.Parallel()
	var got []string
	for _, field := range stored(t).Schema().Fields() {
		kind := map[string]string{
			"STRING": "string", "TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS)": "timestamp", "DOUBLE": "double", "INT64": "int64", "INT(64,true)": "int64",
		}[field.Type().String()]
		if kind == "" || !field.Required() {
			kind = "unexpected " + field.GoType().String() + " " + field.Type().String()
		}
		got = append(got, field.Name()+" "+kind)
	}
	want := []string{
		"cluster string", "node string", "node_pool string", "uuid string", "model string",
		"state string", "namespace string", "pod string", "pod_uid string", "container string",
		"held_from timestamp", "held_to timestamp", "share double",
		"gpu_ms int64", "active_ms int64", "idle_ms int64", "observed_ms int64", "estimated_ms int64",
		"memory_byte_seconds int64", "energy_mj int64",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	for path, pattern := range map[string]string{
		"doc.go":               `(?m)^//\t([a-z_]+) +(string|timestamp|double|int64) `,
		"../../docs/ledger.md": "(?m)^\\| `([a-z_]+)` \\| (string|timestamp|double|int64) \\|",
	} {
		var documented []string
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text(t, path), -1) {
			documented = append(documented, match[1]+" "+match[2])
		}
		if diff := cmp.Diff(want, documented); diff != "" {
			t.Errorf("%s (-want +documented):\n%s", path, diff)
		}
	}
}

func TestFooter(t *testing.T) {
	t.Parallel()
	var got []string
	for _, pair := range stored(t).Metadata().KeyValueMetadata {
		value := pair.Value
		if strings.HasSuffix(pair.Key, "sha256") || strings.HasSuffix(pair.Key, "_edges") {
			value = "…"
		}
		got = append(got, pair.Key+" "+value)
	}
	want := []string{
		"gputally.absent_ms 0",
		"gputally.allocated_ms 3600000",
		"gputally.closing_edges …",
		"gputally.cluster prod",
		"gputally.estimated_ms 17",
		`gputally.exceptions [{"kind":"scrapes are missing","count":1,"named":["node-1"]}]`,
		"gputally.expected_ms 3600000",
		"gputally.from 2026-11-20T05:00:00Z",
		"gputally.late_ms 0",
		"gputally.opening_edges …",
		"gputally.residue_ms -3",
		"gputally.revision 1",
		"gputally.road remote_read",
		"gputally.rows_sha256 …",
		"gputally.schema 1",
		"gputally.sha256 …",
		"gputally.source gputally",
		"gputally.to 2026-11-20T06:00:00Z",
		"gputally.unallocated_ms 0",
		"gputally.unattributed_ms 0",
		"gputally.unavailable_ms 0",
		"gputally.uncovered_ms 0",
		"gputally.writer 1.2.3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("footer (-want +got):\n%s", diff)
	}
	for _, path := range []string{"doc.go", "../../docs/ledger.md"} {
		documented := regexp.MustCompile(`gputally\.[a-z0-9_]+`).FindAllString(text(t, path), -1)
		for _, line := range want {
			key, _, _ := strings.Cut(line, " ")
			if !slices.Contains(documented, key) {
				t.Errorf("%s does not mention %s", path, key)
			}
		}
	}
}

func text(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
