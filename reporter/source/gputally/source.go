package gputally

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/fold"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Profile is the name of this source profile: the collector's own metrics.
const Profile = "gputally"

// longestWindow is the longest window. Longer ones take more memory than one
// closing is meant to.
const longestWindow = 31 * 24 * time.Hour

// Config says what to close and how far to look beyond it.
type Config struct {
	// Cluster names the cluster that Reader reads. Required.
	Cluster string
	// Reader reads the collectors' series of this cluster. Required.
	Reader series.Reader
	// Lookback is how far before the window samples are read. Default 10 min.
	Lookback time.Duration
	// Lookahead is how far after the window samples are read; a window is
	// closed later than that after its end. Default 5 min.
	Lookahead time.Duration
	// MaxBridge is the longest time between two sightings of a holder over
	// which it is charged though nobody counted. Default 5 min, at most
	// Lookahead, so that both hours at an edge see the same.
	MaxBridge time.Duration
	// NodePoolLabel is the label of kube_node_labels that names a node's pool,
	// such as "label_cloud_google_com_gke_nodepool"; "" reads no labels.
	NodePoolLabel string
	// NodeLabels reads kube-state-metrics, whose series have another job than
	// the collectors'. Default Reader.
	NodeLabels series.Reader
	// NodePools names the pool of a node without NodePoolLabel. May be nil.
	NodePools func(node, model string) string
	// NodesPerPiece is of how many nodes, about, the GPUs are read at once. The
	// fleet is read in so many pieces, by UUID. Default 50.
	NodesPerPiece int
	// ReadAhead is how many pieces may be read while one is folded. Memory holds
	// one piece more than that. Default 1; negative for none.
	ReadAhead int
	// Halved hears of every piece that is more than the server gives at once and
	// is halved, with the server's reason. It is called while Close reads. May be nil.
	Halved func(reason error)
	// AllowEmpty makes a window without any sample an empty hour, no error.
	AllowEmpty bool
}

func (c *Config) defaults() error {
	if c.Cluster == "" || c.Reader == nil {
		return errors.New("gputally: Config.Cluster and Config.Reader are required")
	}
	if c.Lookback == 0 {
		c.Lookback = 10 * time.Minute
	}
	if c.Lookahead == 0 {
		c.Lookahead = 5 * time.Minute
	}
	if c.MaxBridge == 0 {
		c.MaxBridge = min(5*time.Minute, c.Lookahead)
	}
	if c.Lookback < 0 || c.Lookahead < 0 || c.MaxBridge < 0 {
		return errors.New("gputally: lookback, lookahead and longest bridge must not be negative")
	}
	if c.MaxBridge > c.Lookahead || c.MaxBridge > c.Lookback {
		return fmt.Errorf("gputally: the longest bridge (%s) must not exceed lookback (%s) and lookahead (%s), "+
			"or neighbouring hours would see different gaps", c.MaxBridge, c.Lookback, c.Lookahead)
	}
	if c.NodesPerPiece == 0 {
		c.NodesPerPiece = 50
	}
	if c.NodesPerPiece < 0 {
		return errors.New("gputally: number of nodes in a piece must not be negative")
	}
	if c.ReadAhead == 0 {
		c.ReadAhead = 1
	}
	if c.Halved == nil {
		c.Halved = func(error) {}
	}
	if c.NodeLabels == nil {
		c.NodeLabels = c.Reader
	}
	if c.NodePools == nil {
		c.NodePools = func(string, string) string { return "" }
	}
	return nil
}

// Source turns the samples of one cluster into usage. It may be used by many
// goroutines if its readers may.
type Source struct {
	cfg      Config
	families families // that name a GPU
	identity identity
	keepAll  bool // fold every scrape; for tests
	accepts  bool // what the answers lack is a finding
}

var _ source.Source = (*Source)(nil)

// New returns a Source.
func New(cfg Config) (*Source, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	return &Source{cfg: cfg, families: ofGPUs(), identity: newIdentity()}, nil
}

// Accepting returns a Source that closes also what it would end with
// source.ErrIncomplete for: what the answers lack is the finding read_incomplete.
func (s *Source) Accepting() *Source {
	d := *s
	d.accepts = true
	return &d
}

// Close reads a window and folds it, as source.Source says.
func (s *Source) Close(ctx context.Context, w window.Window, n usage.Neighbours, emit func(usage.Part) error) (usage.Hour, error) {
	h, err := s.close(ctx, w, n, emit)
	if err != nil {
		return usage.Hour{}, fmt.Errorf("close %s of cluster %s: %w", w, s.cfg.Cluster, err)
	}
	return h, nil
}

func (s *Source) close(ctx context.Context, w window.Window, n usage.Neighbours, emit func(usage.Part) error) (usage.Hour, error) {
	if w.To.Sub(w.From) > longestWindow {
		return usage.Hour{}, fmt.Errorf("a window of %s is too long, close at most %s at once", w.To.Sub(w.From), longestWindow)
	}
	from := w.From.UnixMilli()
	r := s.newReading(w)
	pieces, err := r.targets(ctx, w, n)
	if err != nil {
		return usage.Hour{}, err
	}
	nodes, err := r.nodes(ctx, from, n.Devices)
	if err != nil {
		return usage.Hour{}, fmt.Errorf("read what kube-state-metrics says of nodes: %w", err)
	}
	doubts := nodes.doubts()
	if err := r.accept(doubts.doubtful(kubeJob)); err != nil {
		return usage.Hour{}, err
	}
	hour := fold.New(fold.Config{
		Cluster: s.cfg.Cluster, Window: w, Neighbours: n, Emit: emit, KeepAll: s.keepAll,
		Lookback: s.cfg.Lookback, Lookahead: s.cfg.Lookahead, MaxBridge: s.cfg.MaxBridge,
		PresentUntil: r.presentUntil(nodes.seen, from),
	})
	defer hour.Stop()
	builder := gpuBuilder{pools: nodes.pools, listed: r.listed}
	seen, gpus := r.seen(from), false
	proof := proof{doubts: r.doubts}
	err = r.pieces(ctx, pieces, func(b batch) error {
		gpus = gpus || len(b.intake.gpus) > 0
		proof.join(b.proof)
		return hour.Piece(b.place, builder.all(b.intake), b.intake.notes)
	})
	if err != nil {
		return usage.Hour{}, err
	}
	doubts = proof.doubts.all()
	if err := r.accept(doubts.doubtful(collectorJob)); err != nil {
		return usage.Hour{}, err
	}
	coverage, findings, err := hour.Finish()
	if err == nil {
		missing := hour.Missing()
		proof.lacks.join(lacks{missing.Named, missing.Count})
		err = r.judge(&proof)
	}
	if err == nil && !gpus && !s.cfg.AllowEmpty {
		err = r.withoutGPUs(from)
	}
	if err != nil {
		return usage.Hour{}, err
	}
	if !seen && !gpus && !s.cfg.AllowEmpty {
		return usage.Hour{}, fmt.Errorf("%w: check that %s is there for this time, "+
			"that the server scraped the collectors then, and that its retention and the selector cover them",
			source.ErrNoData, metric.CollectorStartTime.Name)
	}
	findings.Add(r.notes)
	return usage.Hour{
		Cluster: s.cfg.Cluster, Window: w, Coverage: coverage,
		Source: Profile, Road: s.cfg.Reader.Road(), Findings: findings.List(),
	}, nil
}

// Hour is Close for a window that stands alone and fits into memory.
func (s *Source) Hour(ctx context.Context, w window.Window) (usage.Hour, error) {
	var segments []usage.Segment
	h, err := s.Close(ctx, w, usage.Neighbours{}, func(p usage.Part) error {
		segments = append(segments, p.Segments...)
		return nil
	})
	h.Segments = segments
	return h, err
}
