package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/alecthomas/kingpin/v2"
)

func addIndex(app *kingpin.Application, add adder) {
	c := app.Command("index", "The index of closed hours and reports.").
		Command("rebuild", "Make the index again from the hours of the ledger and the manifests of the reports.")
	add(c, func(ctx context.Context, env *Env) error {
		p, err := env.open(ctx)
		if err != nil {
			return err
		}
		if err := errors.Join(p.Index.Rebuild(ctx, p.Ledger), p.Archive.Rebuild(ctx)); err != nil {
			return fmt.Errorf("rebuild the index: %w", err)
		}
		fmt.Fprintln(env.Stdout, "The index says what the ledger and the reports say.")
		return nil
	})
}
