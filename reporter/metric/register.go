package metric

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Register registers a collector, or returns the one of the same kind that was
// registered before: a process that reads its configuration again goes on counting.
func Register[C prometheus.Collector](registry prometheus.Registerer, c C) (C, error) {
	err := registry.Register(c)
	before := prometheus.AlreadyRegisteredError{}
	if errors.As(err, &before) {
		if same, is := before.ExistingCollector.(C); is {
			return same, nil
		}
	}
	return c, err
}
