package gputally

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// uuidPrefix begins the UUID of a GPU; hex digits follow.
const uuidPrefix = "GPU-"

// reading reads the samples of one window: first what is known of the
// collectors, then their GPUs piece by piece.
type reading struct {
	source   *Source
	query    series.Query
	from, to int64 // the range that is read, Unix ms
	known    map[string]*target
	listed   map[string]*gpu    // the GPUs that collectors list, with their places alone
	uuids    []string           // of those, sorted
	before   []*usage.EdgeTable // of the previous hour
	unknown  map[string]bool    // nodes of which nobody says whether they are there
	doubts   doubts             // about the labels of collectors
	notes    usage.Notes        // about the reading itself
}

func (s *Source) newReading(w window.Window) *reading {
	r := &reading{source: s, unknown: map[string]bool{}, notes: usage.Notes{}}
	r.query.From, r.query.To = w.From.Add(-s.cfg.Lookback), w.To.Add(s.cfg.Lookahead)
	r.from, r.to = r.query.From.UnixMilli(), r.query.To.UnixMilli()
	r.query.Matchers = s.families.matchers()
	return r
}

// targets reads what the collectors say of themselves, and cuts their GPUs into
// pieces.
func (r *reading) targets(ctx context.Context, w window.Window, n usage.Neighbours) ([]series.Piece, error) {
	in, err := r.collectors(ctx)
	if err != nil {
		return nil, err
	}
	r.before = []*usage.EdgeTable{n.Before, n.Carried}
	r.known, r.listed, r.uuids = in.targets, in.gpus, slices.Sorted(maps.Keys(in.gpus))
	r.doubts = in.doubts
	r.doubts.nodes(r.known, r.listed)
	for code, what := range in.notes {
		r.notes[code] = append(r.notes[code], what...)
	}
	nodes := map[string]bool{}
	for key, t := range r.known {
		name := t.node
		if name == "" {
			name = key
		}
		nodes[name] = true
	}
	if err := r.readFormer(ctx, n, nodes); err != nil {
		return nil, err
	}
	if err := r.readUp(ctx, w); err != nil {
		return nil, err
	}
	per := r.source.cfg.NodesPerPiece
	return partition(in, (len(nodes)+per-1)/per), nil
}

// partition cuts GPUs into n pieces, by the label that has the UUIDs. If those of some
// are in another label than those of others, there is one piece, cut by time alone.
func partition(in *intake, n int) []series.Piece {
	switch {
	case !in.uuids.renamed:
		return series.Partition(metric.LabelUUID, uuidPrefix, n)
	case in.uuids.plain:
		return []series.Piece{{}}
	}
	return series.Partition(exportedPrefix+metric.LabelUUID, uuidPrefix, n)
}

// collectors reads what the collectors say of themselves, once more if the answer
// can't be all. The fuller answer counts.
func (r *reading) collectors(ctx context.Context) (*intake, error) {
	best, err := r.collectorsOf(ctx, ofTargets())
	if err != nil {
		return nil, err
	}
	whole := best.isWhole()
	if whole && !best.hasIntervals() { // as of collectors that do not say how often they poll
		intervals, err := r.collectorsOf(ctx, ofTargets().only(metric.CollectorPollInterval.Name))
		if err != nil {
			return nil, err
		}
		whole = !intervals.hasIntervals()
	}
	if whole {
		return best, nil
	}
	other, err := r.collectorsOf(ctx, ofTargets())
	if err == nil && other.samples() > best.samples() {
		best = other
	}
	return best, err
}

// collectorsOf is one read of families of the collectors.
func (r *reading) collectorsOf(ctx context.Context, families families) (*intake, error) {
	q := r.query
	q.Matchers = families.matchers()
	in := newIntake(families, r.source.identity, nil, r.from, r.to)
	if err := r.all(ctx, r.source.cfg.Reader, q, in); err != nil {
		return nil, err
	}
	for _, g := range in.gpus {
		for i := range g.infos {
			g.infos[i].target.gpus++
		}
	}
	return in, nil
}

// seen says whether the server says anything of collectors since the window's
// begin: their samples, or that they could not be scraped.
func (r *reading) seen(begin int64) bool {
	for _, t := range r.known {
		if !t.former || t.up.last >= begin {
			return true
		}
	}
	return false
}

// warn notes what readers said, once for all pieces.
func (r *reading) warn(texts []string) {
	for _, text := range texts {
		if !slices.Contains(r.notes[usage.ReadIncomplete], text) {
			r.notes.Add(usage.ReadIncomplete, text)
		}
	}
}

// batch is a piece that was read, or why it was not.
type batch struct {
	place    int // of the piece in the partition; its halves have the same
	intake   *intake
	warnings []string
	proof    proof
	err      error
}

// pieces reads pieces in their order and hands them to fold, which runs while
// the next is read.
func (r *reading) pieces(ctx context.Context, pieces []series.Piece, fold func(batch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	ahead := max(0, r.source.cfg.ReadAhead)
	p := producer{reading: r, free: make(chan *intake, ahead+1), full: make(chan batch)}
	for range ahead + 1 {
		p.free <- newIntake(r.source.families, r.source.identity, r.known, r.from, r.to)
	}
	go p.run(ctx, pieces)
	defer func() { // it is gone when this returns
		cancel()
		for range p.full {
		}
	}()
	for b := range p.full {
		if b.err != nil {
			return b.err
		}
		r.warn(b.warnings)
		if err := fold(b); err != nil {
			return err
		}
		p.free <- b.intake
	}
	return ctx.Err()
}

// producer reads pieces one after the other, as long as there are intakes for
// them.
type producer struct {
	*reading
	free chan *intake
	full chan batch
}

func (p *producer) run(ctx context.Context, pieces []series.Piece) {
	defer close(p.full)
	for place, piece := range pieces {
		if !p.read(ctx, piece, place) {
			return
		}
	}
}

// read reads a piece, and says whether the next may be read. The halves of a
// piece that is too large are pieces of their own.
func (p *producer) read(ctx context.Context, piece series.Piece, place int) bool {
	b := batch{place: place}
	select {
	case b.intake = <-p.free:
	case <-ctx.Done():
		return false
	}
	var halves []series.Piece
	rd := p.of(p.source.cfg.Reader, p.query, b.intake)
	for range 2 { // once more if the answer can't be all
		if halves, b.err = rd.fill(ctx, piece); b.err != nil || halves != nil {
			break
		}
		if b.proof = p.prove(piece, b.intake); b.proof.isWhole() {
			break
		}
	}
	b.warnings = rd.warnings
	if halves == nil {
		select {
		case p.full <- b:
			return b.err == nil
		case <-ctx.Done():
			return false
		}
	}
	p.free <- b.intake
	for _, half := range halves {
		if !p.read(ctx, half, place) {
			return false
		}
	}
	return true
}

// taker takes series in, in any order.
type taker interface {
	take(s series.Series) error
	reset() // forgets what was taken
}

// read is the reading of one query.
type read struct {
	from     series.Reader
	query    series.Query
	to       taker
	halved   func(reason error)
	warnings []string
}

func (r *reading) of(from series.Reader, q series.Query, to taker) *read {
	return &read{from: from, query: q, to: to, halved: r.source.cfg.Halved}
}

// all reads all of a query that can't be cut by UUID.
func (r *reading) all(ctx context.Context, from series.Reader, q series.Query, to taker) error {
	rd := r.of(from, q, to)
	_, err := rd.fill(ctx, series.Piece{})
	r.warn(rd.warnings)
	return err
}

// halves returns the parts of a piece with the same range of time, nil if it can
// only be cut by time, and those.
func (r *read) halves(p series.Piece) (byUUID, byTime []series.Piece) {
	halves, ok := p.Halves()
	if !ok {
		return nil, nil
	}
	one, half := p.Of(r.query), halves[0].Of(r.query)
	if one.From.Equal(half.From) && one.To.Equal(half.To) {
		return halves, nil
	}
	return nil, halves
}

// fill takes a piece in. If that is more than the server gives at
// once, it returns the halves by UUID, to be filled in one by one; where there
// are none, the piece is read in parts of its time.
func (r *read) fill(ctx context.Context, piece series.Piece) ([]series.Piece, error) {
	q := r.query
	q.Warn = func(text string) { r.warnings = append(r.warnings, text) }
	q.Restart = r.to.reset
	parts := []series.Piece{piece}
	for i := 0; i < len(parts); i++ {
		if i == 0 {
			r.to.reset()
		}
		err := r.from.Read(ctx, parts[i].Of(q), r.to.take)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil || !errors.Is(err, series.Limit) && !errors.Is(err, series.Timeout):
			return nil, err
		}
		r.halved(err)
		byUUID, byTime := r.halves(parts[i])
		switch {
		case byUUID != nil:
			return byUUID, nil
		case byTime == nil:
			return nil, smallest(err)
		}
		// What came of it is mixed with the rest: all is read again.
		parts = slices.Replace(parts, i, i+1, byTime...)
		q.Restart = nil
		i = -1
	}
	return nil, nil
}

// smallest is the error of a piece that can't be cut.
func smallest(err error) error {
	if errors.Is(err, series.Timeout) {
		return fmt.Errorf("the server did not finish even the smallest piece in time: %w", err)
	}
	return fmt.Errorf("even the smallest piece is above a limit of the server: %w", err)
}
