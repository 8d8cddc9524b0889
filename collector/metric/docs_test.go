package metric_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/metric"
	books "github.com/gputally/gputally/reporter/metric"
)

//go:generate go test . -run TestDocumentationIsUpToDate -update

var update = flag.Bool("update", false, "write the documentation again")

const document = "../../docs/metrics.md"

func table(families []*metric.Family) string {
	var b strings.Builder
	b.WriteString("| family | type | labels | meaning |\n|---|---|---|---|\n")
	for _, f := range families {
		labels := "none"
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, labels, f.Help)
	}
	return b.String()
}

// between replaces what stands between two markers of the document.
func between(text, name, content string) (string, bool) {
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->\n"
	head, rest, ok1 := strings.Cut(text, begin)
	_, tail, ok2 := strings.Cut(rest, end)
	return head + begin + content + end + tail, ok1 && ok2
}

func TestDocumentationIsUpToDate(t *testing.T) {
	t.Parallel()
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want := string(got)
	for name, families := range map[string][]*metric.Family{"collector": metric.Families(), "reporter": books.Families()} {
		var ok bool
		if want, ok = between(want, name, table(families)); !ok {
			t.Fatalf("%s has no markers for %s", document, name)
		}
	}
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is stale; run make generate (-want +got):\n%s", document, diff)
	}
}

func TestNamesFollowTheConventions(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range append(metric.Families(), books.Families()...) {
		switch {
		case seen[f.Name]:
			t.Errorf("%s comes twice", f.Name)
		case !strings.HasPrefix(f.Name, "gputally_"):
			t.Errorf("%s does not begin with gputally_", f.Name)
		case (f.Type == metric.Counter) != strings.HasSuffix(f.Name, "_total"):
			t.Errorf("%s: counters, and only they, end in _total", f.Name)
		case f.Help == "" || !strings.HasSuffix(f.Help, "."):
			t.Errorf("%s: help %q is no sentence", f.Name, f.Help)
		}
		seen[f.Name] = true
	}
}
