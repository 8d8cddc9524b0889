package ledger

import "time"

type Retention struct{ Hourly, Daily, History, Edges time.Duration }
