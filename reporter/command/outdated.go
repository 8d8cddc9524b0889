package command

import (
	"context"
	"fmt"
	"slices"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/window"
)

// overlap tells whether a report has time in common with one of the windows.
func overlap(r archive.Record, windows []window.Window) bool {
	return slices.ContainsFunc(windows, r.Window().Overlaps)
}

// tellOutdated says which reports were made of hours before they changed.
func tellOutdated(ctx context.Context, env *Env, p *Program, changed []window.Window) error {
	if len(changed) == 0 {
		return nil
	}
	names, err := p.Archive.Names(ctx)
	if err != nil {
		return err
	}
	told := false
	for _, name := range names {
		var compare []archive.Record
		for r, err := range p.Archive.List(ctx, archive.Query{Name: name, Current: true, Final: true}) {
			if err != nil {
				return err
			}
			if overlap(r, changed) {
				compare = append(compare, r)
			}
		}
		slices.Reverse(compare)
		old, err := p.Archive.Outdated(ctx, compare)
		if err != nil {
			return err
		}
		switch n := len(old); {
		case n == 1:
			fmt.Fprintf(env.Stdout, "Report %s of %s was made before.\n", name, old[0].Record.PeriodKey)
		case n > 1:
			fmt.Fprintf(env.Stdout, "Reports %s of %d periods, %s to %s, were made before.\n", name, n, old[0].Record.PeriodKey, old[n-1].Record.PeriodKey)
		}
		told = told || len(old) > 0
	}
	if told {
		fmt.Fprintln(env.Stdout, "Serve makes those of its schedules again when it starts and each night, if they ended within ledger.restate_within; "+
			"make others with gputally-reporter report --name=NAME --period=PERIOD and their --by and --time-zone.")
	}
	return nil
}
