package gputally

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/window"
)

// CheckLabels reads the samples of the time before at, as long as Lookback, and says
// what is wrong with the labels that scrapes give them, and what to change: one text for
// each job whose labels were renamed, and one for all that an hour would not be closed
// for. Errors: the server's, the context's.
func (s *Source) CheckLabels(ctx context.Context, at time.Time) (wrong []string, err error) {
	r := s.newReading(window.Window{From: at, To: at})
	r.query.To, r.to = at, at.UnixMilli()
	in, err := r.collectorsOf(ctx, ofTargets())
	if err != nil {
		return nil, err
	}
	r.known, r.doubts = in.targets, in.doubts
	r.doubts.nodes(r.known, in.gpus)
	if err := r.checkGPUs(ctx, partition(in, 1+len(r.known)/s.cfg.NodesPerPiece)); err != nil {
		return nil, err
	}
	nodes, err := r.nodes(ctx, r.from, nil)
	if err != nil {
		return nil, fmt.Errorf("read what kube-state-metrics says of nodes: %w", err)
	}
	ofCollectors, ofNodes := r.doubts.all(), nodes.doubts()
	for _, found := range []struct {
		renamed map[labelOfJob]bool
		doubts  lacks
		job     string
	}{{r.doubts.renamed, ofCollectors, collectorJob}, {nodes.labels.renamed, ofNodes, kubeJob}} {
		wrong = append(wrong, renamings(found.renamed, found.job)...)
		if err := found.doubts.doubtful(found.job); err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	return wrong, nil
}

// checkGPUs looks at the labels of GPUs and holdings.
func (r *reading) checkGPUs(ctx context.Context, pieces []series.Piece) error {
	families := families{}
	for _, name := range []string{metric.DeviceInfo.Name, metric.DeviceSeconds.Name, metric.ContainerAllocatedSeconds.Name, metric.ContainerShare.Name} {
		families[name] = r.source.families[name]
	}
	q := r.query
	q.Matchers = families.matchers()
	in := newIntake(families, r.source.identity, r.known, r.from, r.to)
	for len(pieces) > 0 {
		halves, err := r.of(r.source.cfg.Reader, q, in).fill(ctx, pieces[0])
		if err != nil {
			return err
		}
		if pieces = pieces[1:]; halves != nil {
			pieces = slices.Concat(halves, pieces)
			continue
		}
		r.doubts.join(in.doubts)
	}
	return nil
}

// renamings says which labels were renamed, job by job.
func renamings(renamed map[labelOfJob]bool, of string) (texts []string) {
	byJob := map[string][]string{}
	for l := range renamed {
		byJob[l.job] = append(byJob[l.job], exportedPrefix+l.name)
	}
	for _, job := range slices.Sorted(maps.Keys(byJob)) {
		slices.Sort(byJob[job])
		texts = append(texts, fmt.Sprintf("the scrape of job %q gives series labels of its own target and renamed the exporter's to %s; "+
			"hours are closed with the exporter's, but dashboards and alerts show the target's: %s", job, strings.Join(byJob[job], ", "), honour(of)))
	}
	return texts
}
