package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gputally/gputally/cmd/gputally-bench/fleet"
	"github.com/gputally/gputally/internal/promserver"
)

// cluster is what fleets are called.
const cluster = "bench"

// closing closes hours of the fleet, and one of a larger one.
func (r *run) closing(ctx context.Context) error {
	small, big := r.fleetOf(r.gpus, r.hours), r.fleetOf(r.big, 1)
	hour := begins.Add(time.Duration(min(5, r.hours-1)) * time.Hour)
	parts := []closing{
		{"one hour", small, hour, hour.Add(time.Hour), roadRemoteRead, r.rounds},
		{"one hour", small, hour, hour.Add(time.Hour), roadJSON, 1},
	}
	if r.hours > 1 {
		all := fmt.Sprintf("%d hours, one by one", r.hours)
		parts = append(parts, closing{all, small, begins, begins.Add(time.Duration(r.hours) * time.Hour), roadRemoteRead, 1})
	}
	if r.big > 0 {
		parts = append(parts, closing{"one hour", big, begins, begins.Add(time.Hour), roadRemoteRead, 1})
	}
	for _, c := range parts {
		dir, err := r.blocks(ctx, c.fleet)
		if err != nil {
			return err
		}
		if err := r.close(ctx, c, dir); err != nil {
			return err
		}
	}
	return nil
}

// closing is what is closed, and how often.
type closing struct {
	what     string
	fleet    fleet.Config
	from, to time.Time
	road     string
	rounds   int
}

// close closes in turns with the floor and prints both.
func (r *run) close(ctx context.Context, c closing, blocks string) error {
	r.title("Closing %s of %d GPUs", c.what, c.fleet.GPUs)
	var floors, closings []spent
	var read string
	bucket := filepath.Join(r.temp, "bucket")
	for round := range c.rounds {
		r.progress("reading and closing %s, round %d of %d", c.what, round+1, c.rounds)
		s, err := r.against(ctx, blocks, func(url string) (s spent, err error) {
			s, read, err = r.readOnly(ctx, c, url)
			return s, err
		})
		if err != nil {
			return err
		}
		floors = append(floors, s)
		if err := os.RemoveAll(bucket); err != nil {
			return err
		}
		s, err = r.against(ctx, blocks, func(url string) (spent, error) { return r.closeOnly(ctx, c, url, bucket) })
		if errors.Is(err, errNoRoad) {
			r.line("floor, "+c.road, median(floors), nil)
			r.note("%s", err)
			return nil
		} else if err != nil {
			return err
		}
		closings = append(closings, s)
	}
	yardstick := median(floors)
	r.line("floor, "+c.road, yardstick, nil)
	r.note("%s", read)
	r.line("gputally-reporter close", median(closings), &yardstick)
	return r.inspect(ctx, c, bucket, promserver.DataDir(blocks))
}

// readOnly runs the floor and returns what it says that it read.
func (r *run) readOnly(ctx context.Context, c closing, server string) (spent, string, error) {
	var out strings.Builder
	s, err := r.process(ctx, &out, r.binary("gputally-bench"), commandFloor, "--url="+server, "--road="+c.road, "--from="+c.from.Format(time.RFC3339), "--to="+c.to.Format(time.RFC3339))
	read, _, _ := strings.Cut(out.String(), " in ")
	return s, read, err
}

// errNoRoad says that the reporter does not know a road.
var errNoRoad = errors.New("not supported: this gputally-reporter does not know the key prometheus.road")

// closeOnly runs the reporter.
func (r *run) closeOnly(ctx context.Context, c closing, server, bucket string) (spent, error) {
	prometheus := fmt.Sprintf("{url: %q, selector: {job: %s}, timeout: 10m}", server, job)
	if c.road != roadRemoteRead { // which it finds by itself
		prometheus = fmt.Sprintf("{url: %q, selector: {job: %s}, timeout: 10m, road: %s}", server, job, c.road)
	}
	config := filepath.Join(r.temp, "gputally.yaml")
	text := fmt.Sprintf("cluster: %s\nprometheus: %s\nbucket: {url: %q}\n", cluster, prometheus, fileURL(bucket))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return spent{}, err
	}
	s, err := r.process(ctx, io.Discard, r.binary("gputally-reporter"), "--config="+config, "--log.level=error",
		"close", "--from="+c.from.Format(time.RFC3339), "--to="+c.to.Format(time.RFC3339))
	if failed := (*processError)(nil); errors.As(err, &failed) && strings.Contains(failed.text, "prometheus.road") {
		return s, errNoRoad
	}
	return s, err
}

// binary is the path of a built command.
func (r *run) binary(name string) string { return filepath.Join(r.bin, name) }

func fileURL(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }
