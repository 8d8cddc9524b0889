package collector

// The handlers, for tests with a clock of their own, and the lock.
var (
	Healthz = healthz
	Readyz  = readyz
	Lock    = lock
)
