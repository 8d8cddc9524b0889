//go:build !unix

package collector

import (
	"context"
	"errors"
	"io"
)

func lock(context.Context, string) (io.Closer, error) {
	return nil, errors.New("--lock-file: files can't be locked on this system")
}
