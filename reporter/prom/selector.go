package prom

import (
	"strconv"
	"strings"

	"github.com/gputally/gputally/reporter/series"
)

// selector writes matchers as PromQL does.
func selector(matchers []series.Matcher) string {
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
