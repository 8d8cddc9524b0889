package archive_test

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/gputally/gputally/reporter/archive"
)

// One archive of one process is used by schedules, commands and an API at once.
func TestManyGoroutinesShareAnArchive(t *testing.T) {
	t.Parallel()
	b := newShaky()
	a := library(t, b)
	earlier(t, b, a)
	a = open(b, start)
	closeHours(t, b, day(1)...)
	var work sync.WaitGroup
	do := func(what string, act func() error) {
		work.Go(func() {
			for range 5 {
				if err := act(); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
	for n := range 4 {
		p := archive.Publication{Name: "showback", Period: fmt.Sprintf("2026-11-%02d", 20+n)}
		table := roll(t, spec("eu-1"), day(1+n))
		do("publish", func() error { _, err := a.Publish(t.Context(), table, p); return err })
		do("read", func() error {
			for r, err := range a.List(t.Context(), archive.Query{Current: true}) {
				if err != nil {
					return err
				}
				if _, err := a.Outdated(t.Context(), []archive.Record{r}); err != nil {
					return err
				}
				body, _, err := a.Open(t.Context(), r, "report.csv")
				if errors.Is(err, archive.ErrNotFound) {
					continue // a Failed one
				}
				if err != nil {
					return err
				}
				if _, err := io.Copy(io.Discard, body); err != nil {
					return err
				}
			}
			return nil
		})
	}
	do("prune", func() error { _, err := a.Prune(t.Context(), 0); return err })
	do("rebuild", func() error { return a.Rebuild(t.Context()) })
	work.Wait()
	whole(t, b)
	if got := list(t, a, archive.Query{}); len(got) != 9 {
		t.Errorf("listed are %v", of(got))
	}
}
