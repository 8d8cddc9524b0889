package command

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/window"
)

// CheckFlags refuses flags and arguments that are given and have no value, such as
// --by= or --cluster=" ". Which flag is meant by an empty text can't be guessed, and
// mostly it is a variable of a script that is not set. Errors: *UsageError.
func CheckFlags(parsed *kingpin.ParseContext) error {
	for _, e := range parsed.Elements {
		if e.Value == nil || strings.Trim(*e.Value, " \t\n,") != "" {
			continue
		}
		switch clause := e.Clause.(type) {
		case *kingpin.FlagClause:
			return misused("--%s is empty: give it a value, or leave it away", clause.Model().Name)
		case *kingpin.ArgClause:
			return misused("%s is empty: give it a value, or leave it away", strings.ToUpper(clause.Model().Name))
		}
	}
	return nil
}

// timeHelp says in the help of a flag how a time is written.
const timeHelp = "RFC 3339, or a date or hour such as 2026-11-20 or 2026-11-20T05, which stands for its beginning in UTC"

// noEarlier is before anybody metered GPUs. It bounds what walks through time from
// a flag on.
var noEarlier = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// parseTime reads the time of a flag, the zero time if it is not given.
func (e *Env) parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := window.ParseInstant(text, e.Now(), time.UTC)
	if err != nil {
		return t, misused("%s: %q is no time like 2026-11-20T00:00:00Z and no date like 2026-11-20", flag, text)
	}
	if t.Before(noEarlier) {
		return t, misused("%s: %s is before %d, when nothing was metered", flag, text, noEarlier.Year())
	}
	return t.UTC(), nil
}

// begun refuses a --from that lies ahead: no hour from then on can be closed yet.
func (e *Env) begun(from time.Time) error {
	if now := e.Now().UTC(); from.After(now) {
		return misused("--from %s is in the future: it is %s", from.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	return nil
}

// word is the value of a flag that takes one of a few words.
type word struct {
	flag    string
	options []string
	chosen  string
}

// oneOf makes a flag take one of these words, or nothing.
func oneOf(f *kingpin.FlagClause, options ...string) *string {
	w := &word{flag: f.Model().Name, options: options}
	f.HintOptions(options...).SetValue(w)
	return &w.chosen
}

func (w *word) String() string { return w.chosen }

func (w *word) Set(text string) error {
	if !slices.Contains(w.options, text) {
		return fmt.Errorf("--%s=%s: it takes %s", w.flag, text, strings.Join(w.options, ", "))
	}
	w.chosen = text
	return nil
}
