package collector

// The handlers, for tests with a clock of their own.
var (
	Healthz = healthz
	Readyz  = readyz
)
