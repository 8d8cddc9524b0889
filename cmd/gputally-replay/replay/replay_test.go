package replay_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/cmd/gputally-replay/replay"
	"github.com/gputally/gputally/internal/simulate/trace"
)

const (
	podHeader  = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"
	nodeHeader = "sn,cpu_milli,memory_mib,gpu,model\n"
	somePods   = podHeader +
		"long,1,1,2,1000,,LS,Running,0,50000,4000\n" +
		"half,1,1,1,500,,BE,Running,0,20000,7000\n" +
		"other,1,1,1,460,,BE,Running,0,30000,7000\n" +
		"into-the-next-day,1,1,1,1000,,LS,Running,0,100000,80000\n" +
		"no-gpu,1,1,0,0,,LS,Running,0,100000,80000\n"
	someNodes = nodeHeader + "a,1,1,2,A100\nb,1,1,2,T4\n"
)

// files writes the trace's files into a new folder.
func files(t *testing.T, pods, nodes string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range map[string]string{"pods.csv": pods, "nodes.csv": nodes} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run runs the command on the files in dir, and returns what it prints.
func run(ctx context.Context, dir string, args ...string) (stdout string, err error) {
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR", dir)
	}
	var out, log bytes.Buffer
	err = replay.Run(ctx, args, &out, &log, time.Now)
	return out.String(), err
}

func TestMistakesEndWithCode2AndAreNamed(t *testing.T) {
	t.Parallel()
	const blocks, trace, days = "blocks --out=DIR/data ", "--pods=DIR/pods.csv --nodes=DIR/nodes.csv ", "--days=0-1 "
	for name, tc := range map[string]struct {
		pods, nodes string // content of the files, "" for good ones
		args        string
		want        []string
	}{
		"no command":                  {args: "", want: []string{"no command; try --help"}},
		"no trace":                    {args: blocks, want: []string{"--pods and --nodes name the trace's files"}},
		"a trace without nodes":       {args: blocks + "--pods=DIR/pods.csv", want: []string{"--pods and --nodes"}},
		"a trace that is made up too": {args: blocks + trace + "--generate", want: []string{"leave out --pods and --nodes"}},
		"an unknown flag":             {args: blocks + trace + "--day=1-2", want: []string{"--day", "try --help"}},
		"blocks without a folder":     {args: "blocks --generate", want: []string{"--out"}},
		"days that run backwards":     {args: blocks + trace + "--days=7-7", want: []string{`--days: "7-7" is no range like 133-140`}},
		"a word for days":             {args: blocks + trace + "--days=all", want: []string{`--days: "all"`}},
		"several at once": {
			args: blocks + trace + "--max-nodes=0 --scrape=0s --lost=1 --life=-1h --churn=5",
			want: []string{"--max-nodes: 0", "--scrape: 0s", "--lost: 1", "--life: -1h", "--churn: 5"},
		},
		"files that are not there": {
			args: blocks + days + "--pods=DIR/no-pods.csv --nodes=DIR/no-nodes.csv",
			want: []string{"no-pods.csv: no such file", "no-nodes.csv: no such file"},
		},
		"a compressed file that is none": {
			args: blocks + days + "--pods=DIR/pods.csv --nodes=DIR/nodes.csv.gz", want: []string{"nodes.csv.gz: gzip: invalid header"},
		},
		"bad rows in both files": {
			pods:  podHeader + "p,1,1,1,1000,,LS,Running,0,9,5\nq,1,1,one,1000,,LS,Running,0,9,5\n",
			nodes: nodeHeader + "n,1,1,2,\n",
			args:  blocks + trace + days,
			want:  []string{`/pods.csv:3: num_gpu "one"`, `/nodes.csv:2: model ""`},
		},
		"another kind of file": {
			pods: "pod,gpus\n", args: blocks + trace + days, want: []string{`/pods.csv:1: columns are ["pod" "gpus"]`},
		},
		"nodes without GPUs": {
			nodes: nodeHeader + "n,1,1,0,\n", args: blocks + trace + days, want: []string{"/nodes.csv: no node has a GPU"},
		},
		"days in which nothing runs": {
			args: blocks + trace + "--days=5-6", want: []string{"no pod of the trace runs on a GPU in the days 5-6; some do in the days 0-2"},
		},
		"a folder with something in it": {
			args: "accuracy --generate --dir=DIR", want: []string{"--dir: ", "is not empty"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pods, nodes := somePods, someNodes
			if tc.pods != "" {
				pods = tc.pods
			}
			if tc.nodes != "" {
				nodes = tc.nodes
			}
			dir := files(t, pods, nodes)
			if err := os.WriteFile(filepath.Join(dir, "nodes.csv.gz"), []byte(someNodes), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := run(t.Context(), dir, strings.Fields(tc.args)...)
			if code := replay.ExitCode(err); code != 2 {
				t.Fatalf("code %d, want 2: %v", code, err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
				t.Error("something was written")
			}
		})
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	t.Parallel()
	out, err := run(t.Context(), "", "--help")
	if err != nil || replay.ExitCode(err) != 0 {
		t.Errorf("help ends with %v", err)
	}
	for _, want := range []string{"\nblocks", "\naccuracy", "--days="} {
		if strings.Count(out, want) != 1 {
			t.Errorf("help says %d times %q:\n%s", strings.Count(out, want), want, out)
		}
	}
}

func TestFailuresOnTheWayEndWithCode1(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		ctx  context.Context
		args []string
		want string
	}{
		"an interruption":         {canceled, []string{"--out=DIR/data"}, "context canceled"},
		"a folder that is a file": {t.Context(), []string{"--out=DIR/pods.csv"}, "pods.csv"},
		"a truth without place":   {t.Context(), []string{"--out=DIR/data", "--truth=DIR/none/truth.csv"}, "--truth: open "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"blocks", "--pods=DIR/pods.csv", "--nodes=DIR/nodes.csv", "--days=0-1", "--scrape=10m"}, tc.args...)
			_, err := run(tc.ctx, files(t, somePods, someNodes), args...)
			if code := replay.ExitCode(err); code != 1 || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("code %d, want 1 and %q: %v", code, tc.want, err)
			}
		})
	}
}

func TestBlocksComeWithTheTruth(t *testing.T) {
	t.Parallel()
	dir := files(t, somePods, someNodes)
	compress(t, filepath.Join(dir, "pods.csv"))
	out, err := run(t.Context(), dir, "blocks", "--out=DIR/data", "--truth=DIR/truth.csv",
		"--pods=DIR/pods.csv.gz", "--nodes=DIR/nodes.csv", "--days=0-1", "--scrape=5m", "--max-nodes=2")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Trace: 4 pods with GPUs (1 without, left out)", "Placed: 4 pods on 2 nodes", "every 5m0s"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if blocks, err := filepath.Glob(filepath.Join(dir, "data", "*", "meta.json")); err != nil || len(blocks) < 4 {
		t.Errorf("a day and its margins are in %d blocks: %v", len(blocks), err)
	}
	want, got := placed(t), truth(t, filepath.Join(dir, "truth.csv"))
	if want != got || got == 0 {
		t.Errorf("the truth sums to %d thousandths of a GPU × ms, placed were %d", got, want)
	}
}

func compress(t *testing.T, name string) {
	t.Helper()
	plain, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name+".gz", b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// placed places the pods once more and sums what they hold in the day, in
// thousandths of a GPU × milliseconds.
func placed(t *testing.T) (sum int64) {
	t.Helper()
	pods, _, err := trace.ReadPods("pods.csv", strings.NewReader(somePods))
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := trace.ReadHosts("nodes.csv", strings.NewReader(someNodes))
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(0, 0, 1)
	p, err := trace.Place(pods, trace.Config{Origin: from, From: from, To: to, Hosts: hosts, MaxHosts: 2, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range p.Placed {
		ms := min(pod.To.UnixMilli(), to.UnixMilli()) - pod.From.UnixMilli()
		sum += ms * int64(pod.GPUs*pod.Milli)
	}
	return sum
}

// truth sums the file's GPU-seconds in millionths.
func truth(t *testing.T, name string) (sum int64) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		v, err := strconv.ParseInt(strings.Replace(row[len(row)-1], ".", "", 1), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += v
	}
	return sum
}
