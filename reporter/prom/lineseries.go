package prom

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/gputally/gputally/reporter/series"
)

// ErrDownsampled is wrapped by the Error of an answer whose samples are not
// those that were scraped.
var ErrDownsampled = errors.New("samples lie where Thanos keeps the aggregates of downsampled data")

// longestSample is how many bytes a sample is mostly shorter than.
const longestSample = 64

// lineSeries reads the series of JSON answers, an object each, and yields them.
type lineSeries struct {
	in    *scanner
	yield func(series.Series) error

	set    labelSet
	points points
	seen   fields // of the object that is being read

	name   []byte    // room for the name of a label
	values []reading // of a line, whose times come apart from them
	times  []int64
}

// reading is a sample's value in a line; null means that it is no number.
type reading struct {
	v    float64
	null bool
}

// fields are fields of an object that has a series.
type fields uint8

const (
	hasMetric fields = 1 << iota
	hasValues
	hasTimes
)

// pairs takes a series of an instant query: a metric, and pairs of a time and a
// value.
func (l *lineSeries) pairs() error {
	err := l.object(hasMetric|hasValues, func(key []byte) error {
		switch string(key) {
		case "metric":
			return l.metric()
		case "values":
			return l.eachPair()
		case "histograms":
			return l.bad(errors.New("histograms, where plain samples must be"))
		}
		return l.in.skip()
	})
	if err != nil {
		return err
	}
	if l.points.aggregated() {
		return l.bad(ErrDownsampled)
	}
	return l.finish()
}

// line takes a series of an export: a metric, values, and their times.
func (l *lineSeries) line() error {
	l.values, l.times = l.values[:0], l.times[:0]
	err := l.object(hasMetric|hasValues|hasTimes, func(key []byte) error {
		switch string(key) {
		case "metric":
			return l.metric()
		case "values":
			return l.lineValues()
		case "timestamps":
			return l.lineTimes()
		}
		return l.in.skip()
	})
	if err != nil {
		return err
	}
	if len(l.values) != len(l.times) {
		return l.bad(fmt.Errorf("%d values at %d times", len(l.values), len(l.times)))
	}
	for i, t := range l.times {
		if err := l.points.add(t, l.values[i].v, l.values[i].null); err != nil {
			return l.bad(err)
		}
	}
	return l.finish()
}

// object reads an object, whose needed fields must be there once.
func (l *lineSeries) object(needed fields, field func(key []byte) error) error {
	l.seen = 0
	l.set.begin()
	l.points.begin()
	if err := l.in.object(field); err != nil {
		return err
	}
	if l.seen != needed {
		return l.bad(errors.New("not all of its labels, values and times"))
	}
	return nil
}

// once tells that a field begins, which may not come again.
func (l *lineSeries) once(f fields) error {
	if l.seen&f != 0 {
		return l.bad(errors.New("the same field twice"))
	}
	l.seen |= f
	return nil
}

// bad is the Error of a series that is not as it must be.
func (l *lineSeries) bad(err error) error { return garbled("series %s: %w", l.set.labels, err) }

// finish yields the series, if it has something in the range.
func (l *lineSeries) finish() error {
	if len(l.points.samples) == 0 && len(l.points.stale) == 0 {
		return nil
	}
	return l.yield(series.Series{Labels: l.set.labels, Samples: l.points.samples, Stale: l.points.stale})
}

func (l *lineSeries) metric() error {
	if err := l.once(hasMetric); err != nil {
		return err
	}
	err := l.in.object(func(key []byte) error {
		l.name = append(l.name[:0], key...)
		value, err := l.in.string()
		if err != nil {
			return err
		}
		return l.set.add(l.name, value)
	})
	if err != nil {
		return err
	}
	return l.set.finish()
}

// eachPair takes the samples of a series of an instant query.
func (l *lineSeries) eachPair() error {
	if err := l.once(hasValues); err != nil {
		return err
	}
	return l.in.array(func() error {
		t, v, ok := l.in.compactPair()
		if !ok {
			var err error
			if t, v, err = l.in.pair(); err != nil {
				return err
			}
		}
		if err := l.points.add(t, v, false); err != nil {
			return l.bad(err)
		}
		return nil
	})
}

// compactPair uses a sample that is written as Prometheus does, such as
// [1700000000.25,"12.5"], which nearly all are. It uses nothing and returns
// false if the next one is not.
func (s *scanner) compactPair() (t int64, v float64, ok bool) {
	in := s.ready()
	if len(in) == 0 || in[0] != '[' {
		return 0, 0, false
	}
	t, n := plainSeconds(in[1:])
	at := 1 + n
	if n == 0 || len(in) < at+2 || in[at] != ',' || in[at+1] != '"' {
		return 0, 0, false
	}
	at += 2
	v, n = plainNumber(in[at:])
	if n == 0 {
		if n = bytes.IndexByte(in[at:min(len(in), at+longestSample)], '"'); n < 0 {
			return 0, 0, false
		}
		var err error
		if v, err = parseValue(in[at : at+n]); err != nil {
			return 0, 0, false
		}
	}
	if at += n; len(in) < at+2 || in[at] != '"' || in[at+1] != ']' {
		return 0, 0, false
	}
	s.pos += at + 2
	return t, v, true
}

// pair uses a sample, however it is written.
func (s *scanner) pair() (t int64, v float64, err error) {
	if err := s.must('['); err != nil {
		return 0, 0, err
	}
	word, err := s.word()
	if err != nil {
		return 0, 0, err
	}
	if t, err = parseSeconds(word); err != nil {
		return 0, 0, err
	}
	if err := s.must(','); err != nil {
		return 0, 0, err
	}
	text, err := s.string()
	if err != nil {
		return 0, 0, err
	}
	if v, err = parseValue(text); err != nil {
		return 0, 0, err
	}
	return t, v, s.must(']')
}

// lineValues takes the values of a line: numbers, names of numbers as strings,
// and null.
func (l *lineSeries) lineValues() error {
	if err := l.once(hasValues); err != nil {
		return err
	}
	return l.in.array(func() error {
		in := l.in.ready()
		if v, n := plainNumber(in); n > 0 && n < len(in) && !wordByte(in[n]) {
			l.in.pos += n
			l.values = append(l.values, reading{v: v})
			return nil
		}
		c, err := l.in.next()
		if err != nil {
			return err
		}
		read := l.in.word
		if c == '"' {
			read = l.in.string
		}
		text, err := read()
		if err != nil {
			return err
		}
		if c != '"' && string(text) == "null" {
			l.values = append(l.values, reading{null: true})
			return nil
		}
		v, err := parseValue(text)
		l.values = append(l.values, reading{v: v})
		return err
	})
}

// lineTimes takes the times of a line, in Unix milliseconds.
func (l *lineSeries) lineTimes() error {
	if err := l.once(hasTimes); err != nil {
		return err
	}
	return l.in.array(func() error {
		in := l.in.ready()
		if t, n := plainWhole(in); n > 0 && n < len(in) && !wordByte(in[n]) {
			l.in.pos += n
			l.times = append(l.times, t)
			return nil
		}
		word, err := l.in.word()
		if err != nil {
			return err
		}
		t, err := strconv.ParseInt(string(word), 10, 64)
		if err != nil || !isNumber(word) {
			return garbled("time %q is not in Unix milliseconds", word)
		}
		l.times = append(l.times, t)
		return nil
	})
}

// ready returns what is there to be looked at: mostly a number and what follows
// it.
func (s *scanner) ready() []byte {
	if s.end-s.pos < longestSample {
		s.more()
	}
	return s.buf[s.pos:s.end]
}
