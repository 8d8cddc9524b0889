// Command dockerlint checks Dockerfiles by BuildKit's own rules, as
// `docker build --check` does, without an engine.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/opencontainers/go-digest"
)

func main() {
	var errs []error
	for _, path := range os.Args[1:] {
		errs = append(errs, check(path))
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintln(os.Stderr, "dockerlint:", err)
		os.Exit(1)
	}
}

// check prints what the rules say about a file; anything is an error.
func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	// The rules print the source, and that wants a definition, be it empty.
	source := llb.NewSourceMap(nil, path, "Dockerfile", text)
	source.Definition = &llb.Definition{}
	results, err := dockerfile2llb.DockerfileLint(context.Background(), text, dockerfile2llb.ConvertOpt{
		SourceMap:    source,
		MetaResolver: offline{},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	results.PrintErrorTo(os.Stdout, nil)
	if err := results.PrintTo(os.Stdout, nil); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(results.Warnings) > 0 || results.Error != nil {
		return fmt.Errorf("%s breaks rules", path)
	}
	return nil
}

// offline knows nothing of any base image, so that no registry is asked.
type offline struct{}

func (offline) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, "", []byte("{}"), nil
}
