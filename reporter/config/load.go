package config

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/schedules"
)

// Load reads the main file and the files that it names. If anything is wrong,
// the error is of type Errors and has all of it.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, Errors{{File: path, Message: "cannot be read: " + reason(err)}}
	}
	raw := newMainFile()
	main := decode(path, data, &raw)
	if !main.has("") {
		return nil, main.errs // not a word of it could be read
	}
	cfg := raw.check(main)
	var others Errors
	if file, data, ok := main.include("prices", raw.Prices); ok {
		book, errs := parsePrices(file, data)
		cfg.Prices, others = book, append(others, errs...)
	}
	if file, data, ok := main.include("projects", raw.Projects); ok {
		projects, errs := parseProjects(file, data)
		cfg.Projects, others = projects, append(others, errs...)
	}
	if file, data, ok := main.include("schedules", raw.Schedules); ok {
		list, errs := parseSchedules(file, data, raw.Projects != "")
		cfg.Schedules, others = list, append(others, errs...)
	} else if raw.Schedules == "" {
		list, errs := shippedSchedules(raw.Projects != "")
		cfg.Schedules, others = list, append(others, errs...)
	}
	if errs := append(main.sorted(), others...); len(errs) > 0 {
		return nil, errs
	}
	return cfg, nil
}

// include reads a file that the main file names, relative to itself. It is
// false if there is none or it cannot be read, which is noted.
func (d *document) include(path, name string) (file string, data []byte, ok bool) {
	if name == "" {
		return "", nil, false
	}
	file = d.relative(name)
	data, err := os.ReadFile(file)
	if err != nil {
		d.fail(path, "%s cannot be read: %s", file, reason(err))
		return "", nil, false
	}
	return file, data, true
}

// reason is what went wrong with a file, without the file's name.
func reason(err error) string {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// shippedSchedules are those that a reporter follows without a file of its own:
// without projects, those that need none.
func shippedSchedules(projects bool) ([]schedule.Schedule, Errors) {
	files := schedules.Files()
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, Errors{{File: "schedules", Message: err.Error()}}
	}
	var all []schedule.Schedule
	var errs Errors
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, Errors{{File: name, Message: err.Error()}}
		}
		list, problems := parseSchedules("schedules/"+name, data, true)
		if !projects {
			list = slices.DeleteFunc(list, needsProjects)
		}
		all, errs = append(all, list...), append(errs, problems...)
	}
	return all, errs
}
