package prom_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/gputally/gputally/reporter/series"

	"github.com/gputally/gputally/reporter/prom"
)

// refuseJSON answers every request as the JSON API refuses.
func refuseJSON(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"status": "error", "errorType": "execution", "error": text})
	}
}

// The texts are those of the servers' sources and of reports of their users.
func TestLimitsOfEveryServerAreTold(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		text   string
		want   series.Kind
	}{
		"Prometheus: samples of a query":       {422, "query processing would load too many samples into memory in query execution", series.Limit},
		"Prometheus: samples of a remote read": {400, "exceeded sample limit (50000000)", series.Limit},
		"Prometheus: points of a series":       {400, "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)", series.Limit},
		"Prometheus: time of a query":          {503, "query timed out in expression evaluation", series.Timeout},
		"Prometheus: a cancelled query":        {499, "query was canceled in expression evaluation", series.Overloaded},
		"a proxy: size of an answer":           {413, "request entity too large", series.Limit},
		"gRPC: size of a message":              {500, "rpc error: code = ResourceExhausted desc = grpc: received message larger than max (10277563 vs. 4194304)", series.Limit},
		"gRPC: size of a message to send":      {422, "grpc: trying to send message larger than max (104857601 vs. 104857600)", series.Limit},
		"Mimir: chunks":                        {422, "the query exceeded the maximum number of chunks (limit: 2000000 chunks) (err-mimir-max-chunks-per-query). Consider reducing the time range", series.Limit},
		"Mimir: series":                        {422, "the query exceeded the maximum number of series (limit: 100000 series) (err-mimir-max-series-per-query)", series.Limit},
		"Mimir: bytes of chunks":               {422, "the query exceeded the aggregated chunks size limit (limit: 1048576 bytes) (err-mimir-max-chunks-bytes-per-query); -querier.max-fetched-chunk-bytes-per-query", series.Limit},
		"Mimir: estimated chunks":              {422, "the estimated number of chunks for the query exceeded the maximum allowed (limit: 10 chunks) (err-mimir-max-estimated-chunks-per-query)", series.Limit},
		"Mimir: memory":                        {422, "the query exceeded the maximum allowed estimated amount of memory consumed by a single query (limit: 1024 bytes) (err-mimir-max-estimated-memory-consumption-per-query)", series.Limit},
		"Mimir: range":                         {422, "the query time range exceeds the limit (query length: 744h0m0s, limit: 24h0m0s) (err-mimir-max-query-length)", series.Limit},
		"Mimir: whole range":                   {422, "the total query time range exceeds the limit (query length: 744h0m0s, limit: 24h0m0s) (err-mimir-max-total-query-length)", series.Limit},
		"Mimir: the size of the selector":      {422, "the raw query size in bytes exceeds the limit (err-mimir-max-query-expression-size-bytes)", series.Limit},
		"Mimir: requests that wait":            {429, "too many outstanding requests", series.Overloaded},
		"Mimir: requests a second":             {429, "the request has been rejected because the tenant exceeded the request rate limit (err-mimir-tenant-max-request-rate)", series.Overloaded},
		"Mimir: blocks that are not there":     {500, "failed to fetch some blocks (err-mimir-store-consistency-check-failed). The failed blocks are: 01GZDQPDKDF7ENV3KQ8MS7SAPZ", series.Partial},
		"Thanos: series":                       {422, `expanding series: proxy Series(): rpc error: code = Aborted desc = receive series from Addr: store:10901: rpc error: code = ResourceExhausted desc = exceeded series limit: limit 12000 violated (got 12704)`, series.Limit},
		"Thanos: bytes":                        {422, "fetch series for block 01GZDQPDKDF7ENV3KQ8MS7SAPZ: exceeded bytes limit while fetching postings: limit 1 violated (got 8)", series.Limit},
		"Thanos: chunks":                       {422, "rpc error: code = Aborted desc = exceeds limit of 10 chunks", series.Limit},
		"Thanos: a store that is down":         {422, `expanding series: proxy Series(): rpc error: code = Aborted desc = fetch series for {cluster="a"} sidecar:10901: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: connect: connection refused"`, series.Partial},
		"Thanos: no store left":                {422, "expanding series: proxy Series(): No StoreAPIs available", series.Partial},
		"Thanos: a store that is slow":         {422, "rpc error: code = Aborted desc = receive series: rpc error: code = DeadlineExceeded desc = context deadline exceeded", series.Timeout},
		"VictoriaMetrics: series":              {422, "cannot fetch data: search error: more than 300001 time series found on the time range; either increase -search.maxUniqueTimeseries or shrink the time range", series.Limit},
		"VictoriaMetrics: series, later":       {422, "the number of matching timeseries exceeds 300000; either narrow down the search or increase -search.max* command-line flag values at vmselect", series.Limit},
		"VictoriaMetrics: samples":             {422, "cannot process MetricBlock #1: cannot select more than -search.maxSamplesPerQuery=1000000000 samples; possible solutions: to increase the -search.maxSamplesPerQuery; to reduce time range for the query", series.Limit},
		"VictoriaMetrics: points":              {422, "too many points for the given step=60000, start=1650758040000 and end=1653350460000: 43208; cannot exceed -search.maxPointsPerTimeseries=30000", series.Limit},
		"VictoriaMetrics: time":                {503, "timeout exceeded while fetching data block #12 from storage: 30 seconds; increase -search.maxQueryDuration", series.Timeout},
		"VictoriaMetrics: requests at once":    {503, "cannot handle more than 8 concurrent search requests during 10s; possible solutions: increase `-search.maxQueueDuration`; increase `-search.maxQueryDuration`; increase `-search.maxConcurrentRequests`", series.Overloaded},
		"VictoriaMetrics: a storage is down":   {503, "error occurred during search: cannot fetch query results from vmstorage nodes: cannot perform search on vmstorage 10.1.10.205:8401: dial tcp4: connect: connection refused", series.Partial},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, road := range []string{"remote_read", "export", "json"} {
				for _, handler := range []http.HandlerFunc{refuse(tc.status, tc.text), refuseJSON(tc.status, tc.text)} {
					_, err := collect(t, client(t, prom.Config{URL: serve(t, handler), Road: road}), between(0, 1))
					var e *prom.Error
					if !errors.Is(err, tc.want) || !errors.As(err, &e) || e.Message != tc.text {
						t.Errorf("%s: error %v, want one of kind %s", road, err, tc.want)
					}
				}
			}
		})
	}
}
