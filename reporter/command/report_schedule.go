package command

import (
	"strings"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/window"
)

// schedule is the configured schedule of a name.
func (p *Program) schedule(name string) (schedule.Schedule, bool) {
	for _, s := range p.Config.Schedules {
		if s.Name == name {
			return s, true
		}
	}
	return schedule.Schedule{}, false
}

// scheduled is the report that serve would make of a schedule and a period.
func (f *reportFlags) scheduled(env *Env, p *Program) (order, error) {
	for flag, given := range map[string]bool{"--by": *f.by != "", "--name": *f.name != "", "--time-zone": *f.zone != "", "--cluster": len(*f.only) > 0} {
		if given {
			return order{}, misused("--schedule says what the report is about; leave %s away", flag)
		}
	}
	s, ok := p.schedule(*f.schedule)
	if !ok {
		var names []string
		for _, s := range p.Config.Schedules {
			names = append(names, s.Name)
		}
		return order{}, misused("--schedule: %q is none of %s", *f.schedule, strings.Join(names, ", "))
	}
	period := *f.period
	if period == "" {
		period = "last-" + s.Period.String()
		if *f.preview {
			period = "this-" + s.Period.String()
		}
	}
	w, err := f.window(env, period, s.Zone)
	if err != nil {
		return order{}, err
	}
	if w != s.Period.Containing(w.From, s.Zone) {
		return order{}, misused("--period: %s is not one %s in %s, of which schedule %s is", period, s.Period, s.Zone, s.Name)
	}
	by, err := report.ParseGroupBy(strings.Join(s.GroupBy, ","))
	if err != nil {
		return order{}, misused("schedule %s: %w", s.Name, err)
	}
	return order{
		report.Spec{Window: w, TimeZone: s.Zone.String(), GroupBy: by},
		archive.Publication{Name: s.Name, Period: window.Key(w, s.Zone)},
	}, nil
}
