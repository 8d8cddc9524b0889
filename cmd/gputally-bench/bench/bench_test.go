package bench_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/cmd/gputally-bench/bench"
)

// run runs a command and returns what it prints.
func run(ctx context.Context, args ...string) (stdout string, err error) {
	var out, log bytes.Buffer
	err = bench.Run(ctx, args, &out, &log, bench.Options{Now: time.Now})
	return out.String(), err
}

func TestMistakesEndWithCode2AndAreNamed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args string
		want []string
	}{
		"an unknown flag":           {"--gpu=8", []string{"--gpu", "try --help"}},
		"an unknown command":        {"everything", []string{"everything", "try --help"}},
		"blocks without a folder":   {"blocks", []string{"--out"}},
		"a floor without a server":  {"floor", []string{"--url"}},
		"a floor of another road":   {"floor --url=http://127.0.0.1:9 --from=a --to=b --road=export", []string{"remote_read,json"}},
		"a trace without its nodes": {"exact --pods=pods.csv", []string{"--pods and --nodes"}},
		"a floor between two words": {"floor --url=http://127.0.0.1:9 --from=a --to=b", []string{"--from and --to"}},
		"a floor that runs backwards": {
			"floor --url=http://127.0.0.1:9 --from=2025-01-06T02:00:00Z --to=2025-01-06T01:00:00Z", []string{"--from and --to"},
		},
		"several at once": {
			"--gpus=12 --month-gpus=0 --big=-8 --churn-gpus=4 --hours=0 --days=0 --rounds=0 --churn-days=0 --scrape=1ms --churn=-1",
			[]string{
				"--gpus: 12", "--month-gpus: 0", "--big: -8", "--churn-gpus: 4", "--hours: 0", "--days: 0", "--rounds: 0",
				"--churn-days: 0", "--scrape: 1ms", "--churn: -1",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := run(t.Context(), strings.Fields(tc.args)...)
			if code := bench.ExitCode(err); code != 2 {
				t.Fatalf("code %d, want 2: %v", code, err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
		})
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	t.Parallel()
	out, err := run(t.Context(), "--help")
	if err != nil || !strings.Contains(out, "closing") {
		t.Errorf("help ends with %v:\n%s", err, out)
	}
}

func TestBlocksAreWrittenAndCounted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := run(t.Context(), "--gpus=8", "--hours=1", "blocks", "--out="+dir)
	if err != nil || !strings.Contains(out, "Made up 8 GPUs from 2025-01-05 23:45:00 to 2025-01-06 01:10:00") {
		t.Errorf("%v:\n%s", err, out)
	}
	blocks, err := filepath.Glob(filepath.Join(dir, "*", "meta.json"))
	if err != nil || len(blocks) != 2 {
		t.Errorf("blocks %q, %v; want one on each side of midnight", blocks, err)
	}
}

func TestWhatIsHalfMadeUpIsNotKept(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	_, err := run(ctx, "--gpus=8", "--hours=1", "--dir="+dir, "closing")
	if code := bench.ExitCode(err); code != 1 {
		t.Errorf("code %d, want 1: %v", code, err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
