package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/window"
)

// pricesFile is prices.yaml.
type pricesFile struct {
	Currency      string     `yaml:"currency"`
	TimeZone      string     `yaml:"time_zone"`
	Rates         []rateKeys `yaml:"rates"`
	AllowUnpriced []string   `yaml:"allow_unpriced"`
}

type rateKeys struct {
	Model    string  `yaml:"model"`
	NodePool string  `yaml:"node_pool"`
	Cluster  string  `yaml:"cluster"`
	GPUHour  *amount `yaml:"gpu_hour"`
	From     string  `yaml:"from"`
	To       string  `yaml:"to"`
}

func parsePrices(file string, data []byte) (*price.Book, Errors) {
	var raw pricesFile
	d := decode(file, data, &raw)
	if !d.has("") {
		return nil, d.errs
	}
	loc := d.zone("time_zone", raw.TimeZone)
	rates := make([]price.Rate, len(raw.Rates))
	for i, r := range raw.Rates {
		at := fmt.Sprintf("rates[%d]", i)
		rates[i] = price.Rate{Model: r.Model, NodePool: r.NodePool, Cluster: r.Cluster}
		rates[i].From, rates[i].To = d.instants(at, r.From, r.To, loc)
		if r.GPUHour != nil {
			rates[i].GPUHour = r.GPUHour.Decimal
		} else {
			d.fail(at+".gpu_hour", "is required: write 0 for GPUs that cost nothing")
		}
	}
	if len(d.errs) > 0 {
		// The book would judge values that are not the file's.
		return nil, d.sorted()
	}
	book, err := price.New(raw.Currency, rates, raw.AllowUnpriced)
	for _, err := range each(err) {
		var rate *price.RateError
		var whole *price.BookError
		switch {
		case errors.As(err, &rate):
			d.fail(fmt.Sprintf("rates[%d].%s", rate.Index, rate.Field), "%s", rate.Reason)
		case errors.As(err, &whole):
			d.fail(whole.Field, "%s", whole.Reason)
		default:
			d.fail("", "%s", err)
		}
	}
	return book, d.sorted()
}

// each takes joined errors apart.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// zone reads the time zone of a file's dates, UTC if it names none.
func (d *document) zone(path, name string) *time.Location {
	if name == "" {
		return time.UTC
	}
	loc, err := window.Zone(name)
	if err != nil {
		d.fail(path, "%s", err)
		return time.UTC
	}
	return loc
}

// instants reads the keys from and to of the element at a path.
func (d *document) instants(at, from, to string, loc *time.Location) (time.Time, time.Time) {
	f, err := instant(from, loc)
	if err != nil {
		d.fail(at+".from", "%s", err)
	}
	t, err := instant(to, loc)
	if err != nil {
		d.fail(at+".to", "%s", err)
	}
	return f, t
}
