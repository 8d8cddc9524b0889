package prom

import (
	"strconv"
	"strings"
	"time"
)

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

// warn hands a text to whoever wants to hear it.
func (q Query) warn(text string) {
	if q.Warn != nil {
		q.Warn(text)
	}
}

// selector writes matchers as PromQL does.
func selector(matchers []Matcher) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, m := range matchers {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(labelName(m.Name) + m.Op.String() + strconv.Quote(m.Value))
	}
	b.WriteByte('}')
	return b.String()
}

// labelName quotes a name that is more than letters, digits and underscores,
// which only Prometheus 3 and later know.
func labelName(name string) string {
	for i, c := range []byte(name) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return strconv.Quote(name)
		}
	}
	return name
}
