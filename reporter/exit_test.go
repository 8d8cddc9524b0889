package reporter_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter"
	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/command"
	"github.com/gputally/gputally/reporter/config"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/ledger/sealed"
	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// typed are all exported errors below reporter, with the exit code of each.
func typed() map[string]struct {
	err  error
	code int
} {
	hours := []window.Window{window.Hour(now)}
	return map[string]struct {
		err  error
		code int
	}{
		"bucket.ErrConflict":         {bucket.ErrConflict, reporter.ExitBucket},
		"bucket.ErrDenied":           {bucket.ErrDenied, reporter.ExitBucket},
		"bucket.ErrInvalidCondition": {bucket.ErrInvalidCondition, reporter.ExitBucket},
		"bucket.ErrInvalidKey":       {bucket.ErrInvalidKey, reporter.ExitBucket},
		"bucket.ErrNoBucket":         {bucket.ErrNoBucket, reporter.ExitBucket},
		"bucket.ErrNoSpace":          {bucket.ErrNoSpace, reporter.ExitBucket},
		"bucket.ErrNotFound":         {bucket.ErrNotFound, reporter.ExitBucket},
		"bucket.ErrNotTried":         {bucket.ErrNotTried, reporter.ExitFailure},
		"bucket.ErrSize":             {bucket.ErrSize, reporter.ExitBucket},
		"bucket.OpError":             {&bucket.OpError{Op: "get", Object: "s3://b/k", Err: errors.New("refused")}, reporter.ExitBucket},
		"closing.AgeError":           {&closing.AgeError{}, reporter.ExitUsage},
		"closing.EarlyError":         {&closing.EarlyError{}, reporter.ExitSource},
		"closing.LessError":          {&closing.LessError{}, reporter.ExitSource},
		"command.ErrFindings":        {command.ErrFindings, reporter.ExitLedger},
		"command.ErrNotReady":        {command.ErrNotReady, reporter.ExitNotReady},
		"command.ErrReportFailed":    {command.ErrReportFailed, reporter.ExitReport},
		"command.UsageError":         {&command.UsageError{Err: errors.New("no such flag")}, reporter.ExitUsage},
		"config.Error":               {config.Error{}, reporter.ExitUsage},
		"config.Errors":              {config.Errors{{}}, reporter.ExitUsage},
		"index.ConflictError":        {&index.ConflictError{}, reporter.ExitBucket},
		"index.RecordError":          {&index.RecordError{Err: errors.New("no JSON")}, reporter.ExitDamage},
		"index.VersionError":         {&index.VersionError{}, reporter.ExitDamage},
		"ledger.ConflictError":       {&ledger.ConflictError{Hour: hours[0]}, reporter.ExitBucket},
		"ledger.CorruptError":        {&ledger.CorruptError{Err: errors.New("rubbish")}, reporter.ExitDamage},
		"ledger.EdgesError":          {&ledger.EdgesError{Err: bucket.ErrNotFound}, reporter.ExitDamage},
		"ledger.ErrHourMissing":      {ledger.ErrHourMissing, reporter.ExitBucket},
		"ledger.MissingError":        {&ledger.MissingError{Hours: hours}, reporter.ExitBucket},
		"ledger.SchemaError":         {&ledger.SchemaError{}, reporter.ExitDamage},
		"ledger.StrayError":          {&ledger.StrayError{}, reporter.ExitDamage},
		"price.BookError":            {&price.BookError{}, reporter.ExitUsage},
		"price.ErrRange":             {price.ErrRange, reporter.ExitFailure},
		"price.ErrUnpriced":          {price.ErrUnpriced, reporter.ExitFailure},
		"price.RateError":            {&price.RateError{}, reporter.ExitUsage},
		"prom.ErrDownsampled":        {prom.ErrDownsampled, reporter.ExitSource},
		"prom.ErrNoRoad":             {prom.ErrNoRoad, reporter.ExitSource},
		"prom.ErrNotStreamed":        {prom.ErrNotStreamed, reporter.ExitSource},
		"prom.ErrTruncated":          {prom.ErrTruncated, reporter.ExitSource},
		"prom.Error":                 {&prom.Error{Kind: series.Unreachable}, reporter.ExitSource},
		"quota.PoolError":            {&quota.PoolError{}, reporter.ExitUsage},
		"quota.ProjectError":         {&quota.ProjectError{}, reporter.ExitUsage},
		"rollup.ErrDamaged":          {rollup.ErrDamaged, reporter.ExitDamage},
		"archive.NameError":          {&archive.NameError{}, reporter.ExitUsage},
		"archive.ErrNotFound":        {archive.ErrNotFound, reporter.ExitBucket},
		"archive.DamageError":        {&archive.DamageError{}, reporter.ExitDamage},
		"report.StateError":          {&report.StateError{}, reporter.ExitFailure},
		"reporting.HourError":        {&reporting.HourError{Err: &ledger.CorruptError{Err: errors.New("no Parquet")}}, reporter.ExitDamage},
		"reporting.SpecError":        {&reporting.SpecError{Err: errors.New("no name")}, reporter.ExitUsage},
		"schedule.FieldError":        {&schedule.FieldError{Err: errors.New("no such zone")}, reporter.ExitUsage},
		"sealed.DamagedError":        {&sealed.DamagedError{Err: errors.New("no Parquet")}, reporter.ExitDamage},
		"series.Kind":                {series.Limit, reporter.ExitSource},
		"source.ErrIncomplete":       {source.ErrIncomplete, reporter.ExitSource},
		"source.ErrLabels":           {source.ErrLabels, reporter.ExitSource},
		"source.ErrNoData":           {source.ErrNoData, reporter.ExitSource},
		"task.DeadlineError":         {&task.DeadlineError{Err: errors.New("late")}, reporter.ExitFailure},
		"task.StillError":            {&task.StillError{Err: errors.New("late")}, reporter.ExitFailure},
	}
}

func TestEachTypedErrorHasItsExitCode(t *testing.T) {
	t.Parallel()
	for name, row := range typed() {
		if got := reporter.ExitCode(fmt.Errorf("close: %w", errors.Join(errors.New("another"), row.err))); got != row.code {
			t.Errorf("%s ends with %d, want %d", name, got, row.code)
		}
	}
	for text, row := range map[string]struct {
		err  error
		code int
	}{
		"nothing failed":                             {nil, reporter.ExitOK},
		"an error of no type":                        {errors.New("no port"), reporter.ExitFailure},
		"a signal in the middle of a request":        {&bucket.OpError{Op: "get", Err: context.Canceled}, reporter.ExitInterrupted},
		"a deadline is the store's":                  {&bucket.OpError{Op: "get", Err: context.DeadlineExceeded}, reporter.ExitBucket},
		"edges that the store says are gone":         {&ledger.EdgesError{Err: &bucket.OpError{Kind: bucket.ErrNotFound}}, reporter.ExitDamage},
		"one damaged cluster, one that isn't served": {errors.Join(&prom.Error{}, &ledger.CorruptError{Err: errors.New("rubbish")}), reporter.ExitSource},
	} {
		if got := reporter.ExitCode(row.err); got != row.code {
			t.Errorf("%s: %d, want %d", text, got, row.code)
		}
	}
}

// A new typed error needs a row, so that its exit code is decided and not found.
func TestTheTableOfExitCodesHasEveryTypedError(t *testing.T) {
	t.Parallel()
	rows := typed()
	found := map[string]bool{}
	for _, name := range errorsBelow(t, ".") {
		found[name] = true
		if _, has := rows[name]; !has {
			t.Errorf("%s has no row in typed; give it one, and exit.go a class", name)
		}
	}
	for name := range rows {
		if !found[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

// errorsBelow names the exported types with an Error method and the exported
// Err variables of the packages below a folder, as package.Name.
func errorsBelow(t *testing.T, root string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			for _, name := range errorsOf(d) {
				if ast.IsExported(name) {
					names = append(names, file.Name.Name+"."+name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// errorsOf names the types and variables that a declaration makes errors.
func errorsOf(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || d.Name.Name != "Error" || d.Type.Params.NumFields() > 0 {
			return nil
		}
		of := d.Recv.List[0].Type
		if pointer, ok := of.(*ast.StarExpr); ok {
			of = pointer.X
		}
		if name, ok := of.(*ast.Ident); ok {
			names = append(names, name.Name)
		}
	case *ast.GenDecl:
		if d.Tok != token.VAR {
			return nil
		}
		for _, spec := range d.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				if strings.HasPrefix(name.Name, "Err") {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

func TestACommandThatASignalEndsSaysSo(t *testing.T) {
	t.Parallel()
	_, setting := folder(t)
	config := "--config=" + files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
	ended, end := context.WithCancel(t.Context())
	end()
	for _, args := range [][]string{
		{"close", "--from=2026-11-20T09:00:00Z", config},
		{"report", "--period=" + day, config},
		{"ledger", "verify", config},
	} {
		err := reporter.Run(ended, args, io.Discard, io.Discard, reporter.Options{Now: func() time.Time { return now }})
		if got := reporter.ExitCode(err); got != reporter.ExitInterrupted || !strings.Contains(err.Error(), "interrupted") {
			t.Errorf("%s ends with %d, want %d: %v", args[0], got, reporter.ExitInterrupted, err)
		}
	}
}
