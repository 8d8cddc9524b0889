package reporter

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"
)

func addRebuild(app *kingpin.Application) (string, command) {
	c := app.Command("index", "The index of closed hours and reports.").
		Command("rebuild", "Make the index again from the hours of the ledger and the manifests of the reports.")
	return c.FullCommand(), func(ctx context.Context, env *environment) error {
		b, err := openBooks(ctx, env)
		if err != nil {
			return err
		}
		if err := b.index.Rebuild(ctx, b.ledger); err != nil {
			return fmt.Errorf("rebuild the index: %w", err)
		}
		fmt.Fprintln(env.stdout, "The index says what the ledger and the reports say.")
		return nil
	}
}
