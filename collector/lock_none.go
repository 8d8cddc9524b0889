//go:build !unix

package collector

import (
	"errors"
	"io"
)

func lock(string) (io.Closer, error) {
	return nil, errors.New("--lock-file: files can't be locked on this system")
}
