package series

import "time"

// Op compares a label with a value.
type Op int

// The comparisons of Prometheus' selectors.
const (
	Equal Op = iota
	NotEqual
	Match
	NotMatch
)

// String writes the comparison as PromQL does.
func (o Op) String() string {
	if o < Equal || o > NotMatch {
		return "?"
	}
	return [...]string{"=", "!=", "=~", "!~"}[o]
}

// Matcher selects series by one label.
type Matcher struct {
	Name  string
	Op    Op
	Value string // a fully anchored regular expression for Match and NotMatch
}

// Query selects the samples from From to To, both included, of the series that
// satisfy every matcher.
type Query struct {
	From, To time.Time
	Matchers []Matcher

	// Warn hears of what makes an answer less than whole although the reading
	// goes on, such as a replica that is down. The same trouble gives the same
	// text, without times. May be nil.
	Warn func(text string)
	// Restart tells that the reading begins again after a failure that may
	// pass: all that was yielded counts for nothing. If it is nil, a reading
	// that fails after it has yielded something is not begun again.
	Restart func()
}

// SendWarning hands a text to Warn, if there is one.
func (q Query) SendWarning(text string) {
	if q.Warn != nil {
		q.Warn(text)
	}
}
