package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/schedule"
)

// schedulesFile is schedules.yaml.
type schedulesFile struct {
	Schedules []scheduleKeys `yaml:"schedules"`
}

type scheduleKeys struct {
	Name     string   `yaml:"name"`
	Cron     string   `yaml:"cron"`
	TimeZone string   `yaml:"time_zone"`
	Period   string   `yaml:"period"`
	GroupBy  []string `yaml:"group_by"`
}

// parseSchedules reads a schedules file for a reporter that has a projects file
// or has none.
func parseSchedules(file string, data []byte, projects bool) ([]schedule.Schedule, Errors) {
	var raw schedulesFile
	d := decode(file, data, &raw)
	if !d.has("") {
		return nil, d.errs
	}
	if !d.has("schedules") {
		d.fail("schedules", "is required: write schedules: [] for none")
	}
	first := map[string]int{}
	var list []schedule.Schedule
	for i, k := range raw.Schedules {
		at := fmt.Sprintf("schedules[%d].", i)
		s, err := schedule.Parse(schedule.Definition(k))
		for _, err := range each(err) {
			var field *schedule.FieldError
			if !errors.As(err, &field) {
				d.fail(at, "%s", err)
				continue
			}
			d.fail(at+field.Field, "%s", field.Err)
		}
		for j, name := range k.GroupBy {
			if problem := checkDimension(name, k.GroupBy[:j]); problem != "" {
				d.fail(fmt.Sprintf("%sgroup_by[%d]", at, j), "%s", problem)
			}
		}
		if needsProjects(s) && !projects {
			d.fail(at+"group_by", "needs a projects file: name one under projects in the main file, or group by namespace")
		}
		if j, taken := first[k.Name]; taken {
			d.fail(at+"name", "%q is the name of schedules[%d] too", k.Name, j)
		} else {
			first[k.Name] = i
		}
		list = append(list, s)
	}
	return list, d.sorted()
}

func checkDimension(name string, earlier []string) (problem string) {
	dims, err := report.ParseGroupBy(name)
	switch {
	case err != nil:
		return err.Error()
	case len(dims) != 1:
		return fmt.Sprintf("%q is not one dimension", name)
	case slices.Contains(earlier, name):
		return fmt.Sprintf("%q is there twice", name)
	}
	return ""
}

// needsProjects tells whether a schedule's reports cannot be made without a
// projects file.
func needsProjects(s schedule.Schedule) bool {
	return slices.Contains(s.GroupBy, string(report.ByProject)) || slices.Contains(s.GroupBy, string(report.ByDepartment))
}
