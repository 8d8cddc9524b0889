package command

import (
	"fmt"
	"strings"
	"time"
)

// progressEvery is how often a long work says in the log how far it has come, where
// there is no terminal.
const progressEvery = 30 * time.Second

// progress returns a function that says how far a long work has come: on a terminal
// in a line that is written again and again, elsewhere now and then in the log. done
// wipes the line.
func (e *Env) progress(what string) (step func(at string), done func()) {
	if !e.Terminal {
		said := e.Now()
		return func(at string) {
			if now := e.Now(); now.Sub(said) >= progressEvery {
				said = now
				e.Log.Info("Still "+what, "at", at)
			}
		}, func() {}
	}
	width := 0
	show := func(text string) {
		fmt.Fprintf(e.Stderr, "\r%s%s", text, strings.Repeat(" ", max(0, width-len(text))))
		width = len(text)
	}
	return func(at string) { show(what + " " + at) }, func() { show(""); fmt.Fprint(e.Stderr, "\r") }
}
