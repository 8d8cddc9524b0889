package usage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/series"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/window"
)

// Source is the source profile of this package: the collector's own metrics.
const Source = "gputally"

// ErrNoData says that no collector was seen in the window.
var ErrNoData = errors.New("no samples of gputally collectors")

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
	// Lookahead, so that both hours beside an edge see the same.
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
		return errors.New("usage: Config.Cluster and Config.Reader are required")
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
		return errors.New("usage: lookback, lookahead and longest bridge must not be negative")
	}
	if c.MaxBridge > c.Lookahead || c.MaxBridge > c.Lookback {
		return fmt.Errorf("usage: the longest bridge (%s) must not exceed lookback (%s) and lookahead (%s), "+
			"or neighbouring hours would see different gaps", c.MaxBridge, c.Lookback, c.Lookahead)
	}
	if c.NodesPerPiece == 0 {
		c.NodesPerPiece = 50
	}
	if c.NodesPerPiece < 0 {
		return errors.New("usage: number of nodes in a piece must not be negative")
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

// mostWindow is the longest window. Longer ones take more memory than one closing is meant to.
const mostWindow = 31 * 24 * time.Hour

// Closer turns the samples of one cluster into closed hours. It may be used by
// many goroutines if its readers may.
type Closer struct {
	cfg       Config
	families  families // that name a GPU
	identity  identity
	unthinned bool // for tests
}

// New returns a Closer.
func New(cfg Config) (*Closer, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	return &Closer{cfg: cfg, families: ofGPUs(), identity: newIdentity()}, nil
}

// Close reads the window, an hour as a rule, folds it into segments and hands
// them to emit, sorted with Compare, in parts. The Hour that it returns has
// everything but the segments. The same samples and neighbours give the same
// parts, in whatever order series come. The ends of the window are whole
// milliseconds. After an error what was emitted counts for nothing. Errors:
// ErrNoData, the reader's, emit's.
func (c *Closer) Close(ctx context.Context, w window.Window, n Neighbours, emit func(Part) error) (Hour, error) {
	h, err := c.close(ctx, w, n, emit)
	if err != nil {
		return Hour{}, fmt.Errorf("close %s of cluster %s: %w", w, c.cfg.Cluster, err)
	}
	return h, nil
}

func (c *Closer) close(ctx context.Context, w window.Window, n Neighbours, emit func(Part) error) (Hour, error) {
	if w.To.Sub(w.From) > mostWindow {
		return Hour{}, fmt.Errorf("a window of %s is too long, close at most %s at once", w.To.Sub(w.From), mostWindow)
	}
	all := FindingSum{}
	reading := c.newReading(w)
	pieces, err := reading.targets(ctx, n.Devices)
	if err != nil {
		return Hour{}, err
	}
	nodes, err := reading.nodes(ctx)
	if err != nil {
		return Hour{}, fmt.Errorf("read what kube-state-metrics says of nodes: %w", err)
	}
	f := c.newFold(w, n, nodes.pools)
	f.there = reading.there(nodes.seen, f.from)
	defer func() { f.roster.stop() }()
	parts := sorter{emit: emit, carry: f.carry}
	seen := reading.seen(f.from)
	err = reading.pieces(ctx, pieces, func(b batch) error {
		seen = seen || len(b.intake.gpus) > 0
		part := f.piece(b.intake)
		all.Add(f.faults)
		return parts.add(b.place, part)
	})
	if err != nil {
		return Hour{}, err
	}
	if err := parts.flush(); err != nil {
		return Hour{}, err
	}
	if !seen && !c.cfg.AllowEmpty {
		return Hour{}, fmt.Errorf("%w: check that %s is there for this time, "+
			"that the server scraped the collectors then, and that its retention and the selector cover them",
			ErrNoData, metric.CollectorStartTime.Name)
	}
	all.Add(f.roster.faults)
	all.Add(reading.odd)
	cov := &f.coverage
	cov.Residue = cov.Expected - cov.Sum()
	return Hour{
		Cluster:  c.cfg.Cluster,
		Window:   w,
		Coverage: f.coverage,
		Source:   Source,
		Road:     c.cfg.Reader.Road(),
		Findings: all.List(),
	}, nil
}

func (c *Closer) newFold(w window.Window, n Neighbours, pools nodePools) *fold {
	since := n.Since
	if since.IsZero() {
		since = w.From.Add(-time.Hour)
	}
	return &fold{
		cluster:    c.cfg.Cluster,
		pools:      pools,
		from:       w.From.UnixMilli(),
		to:         w.To.UnixMilli(),
		since:      since.UnixMilli(),
		back:       c.cfg.Lookback.Milliseconds(),
		ahead:      c.cfg.Lookahead.Milliseconds(),
		bridge:     c.cfg.MaxBridge.Milliseconds(),
		neighbours: n,
		roster:     newRoster(n),
		all:        c.unthinned,
		thinner:    thinner{ahead: c.cfg.Lookahead.Milliseconds()},
	}
}

// Hour is Close for a window that stands alone and fits into memory.
func (c *Closer) Hour(ctx context.Context, w window.Window) (Hour, error) {
	var segments []Segment
	h, err := c.Close(ctx, w, Neighbours{}, func(p Part) error {
		segments = append(segments, p.Segments...)
		return nil
	})
	h.Segments = segments
	return h, err
}
