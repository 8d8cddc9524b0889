package command

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kingpin/v2"
)

func addVersion(app *kingpin.Application, add adder, version string) {
	add(app.Command("version", "Print the version, as --version does."), func(_ context.Context, env *Env) error {
		if _, err := io.WriteString(env.Stdout, version+"\n"); err != nil {
			return fmt.Errorf("print the version: %w", err)
		}
		return nil
	})
}
