package rollup

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup/intern"
	"github.com/gputally/gputally/reporter/usage"
)

// cost prices what tenants held, each segment for itself.
type cost struct {
	prices   *price.Book
	names    *intern.Names
	tariffs  perOrigin[tariff]
	byClass  []*tariff        // memory of add
	unpriced map[string]int64 // GPU-ms by model, not allowed
	free     map[string]int64 // GPU-ms by model, allowed to have no price
}

// The cells of cost.
const (
	cellCost     = iota // in millionths of the currency unit
	cellUnpriced        // GPU-ms that have no price and are not allowed to
	costCells
)

// tariff prices the segments of an origin.
type tariff struct {
	held  bool // by a tenant; other time costs nothing
	rates price.Rates

	// The time that during prepared for, Unix ms, and its rate if it has only one.
	from, to int64
	flat     price.Flat
	isFlat   bool
}

func newCost(prices *price.Book, names *intern.Names) *cost {
	return &cost{prices: prices, names: names, unpriced: map[string]int64{}, free: map[string]int64{}}
}

func (*cost) needs() needs {
	return needs{
		cells: costCells, nodePool: true, model: true,
		numbers: []usage.Number{usage.NumberHeldFrom, usage.NumberHeldTo, usage.NumberGPU},
	}
}

func (c *cost) add(b *batch, sums cells) error {
	c.byClass = c.byClass[:0]
	for _, o := range b.origins {
		t := c.tariffs.of(o, c.tariff)
		t.during(b.inside.From.UnixMilli(), b.inside.To.UnixMilli())
		c.byClass = append(c.byClass, t)
	}
	from, to, gpu := b.Numbers[usage.NumberHeldFrom], b.Numbers[usage.NumberHeldTo], b.Numbers[usage.NumberGPU]
	for i, class := range b.classOf {
		t := c.byClass[class]
		if !t.held {
			continue
		}
		amount, err := t.cost(from[i], to[i], gpu[i])
		s := sums.of(class)
		if errors.Is(err, price.ErrUnpriced) {
			s[cellUnpriced] += gpu[i]
			continue
		}
		if err == nil {
			amount, err = price.Amount(s[cellCost]).Add(amount)
		}
		if err != nil {
			return fmt.Errorf("model %q: %w", c.names.Text(b.origins[class].model), err)
		}
		s[cellCost] = int64(amount)
	}
	c.countUnpriced(b, sums)
	return nil
}

// tariff finds what the segments of an origin cost.
func (c *cost) tariff(o *origin) *tariff {
	if o.stateName != usage.Allocated {
		return &tariff{}
	}
	return &tariff{held: true, rates: c.prices.Rates(c.names.Text(o.cluster), c.names.Text(o.nodePool), c.names.Text(o.model))}
}

// during prepares for segments within [from, to), Unix ms.
func (t *tariff) during(from, to int64) {
	if !t.held || (t.from == from && t.to == to) {
		return
	}
	t.from, t.to = from, to
	t.flat, t.isFlat = t.rates.Flat(from, to)
}

// cost prices what was held from one instant to another. Errors: as Rates.Cost.
func (t *tariff) cost(heldFrom, heldTo, millis int64) (price.Amount, error) {
	if t.isFlat {
		return t.flat.Cost(millis)
	}
	return t.rates.Cost(heldFrom, heldTo, millis)
}

// countUnpriced counts the time without a price by model, and takes time that is
// allowed to have none out of the cells.
func (c *cost) countUnpriced(b *batch, sums cells) {
	for class, o := range b.origins {
		s := sums.of(int32(class))
		if s[cellUnpriced] == 0 {
			continue
		}
		model := c.names.Text(o.model)
		if c.prices.AllowsUnpriced(model) {
			c.free[model] += s[cellUnpriced]
			s[cellUnpriced] = 0
		} else {
			c.unpriced[model] += s[cellUnpriced]
		}
	}
}

func (c *cost) finish(t *report.Table, _ func(report.Key) []int64) {
	t.Currency, t.PriceBookRevision = c.prices.Currency(), c.prices.Revision()
	for _, model := range slices.Sorted(maps.Keys(c.unpriced)) {
		t.Failures = append(t.Failures, fmt.Sprintf(
			"model %q has no price for %s GPU-hours: add a rate to the price book, or the model to allow_unpriced",
			model, report.Hours(c.unpriced[model], 6)))
	}
	for _, model := range slices.Sorted(maps.Keys(c.free)) {
		t.Warnings = append(t.Warnings, fmt.Sprintf(
			"model %q has no price and is allowed to: %s GPU-hours at no cost", model, report.Hours(c.free[model], 6)))
	}
}

func (*cost) fill(row *report.Row, cells []int64) {
	row.Cost = price.Amount(cells[cellCost])
	row.Priced = cells[cellUnpriced] == 0 && (row.State == usage.Allocated || row.State == total)
}
