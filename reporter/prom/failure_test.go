package prom_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/series"

	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/gputally/gputally/reporter/prom"
)

// refuse answers every request with a status and a text.
func refuse(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, status) }
}

func TestRefusalsAreSorted(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		text   string
		want   series.Kind
	}{
		"wrong credentials":                       {401, "Unauthorized", series.Unauthorized},
		"not enough rights":                       {403, "", series.Unauthorized},
		"a proxy that wants credentials":          {407, "", series.Unauthorized},
		"a wrong path":                            {404, "404 page not found", series.Rejected},
		"a bad matcher":                           {400, "error parsing regexp", series.Rejected},
		"a redirect that is not followed":         {307, "", series.Rejected},
		"Prometheus' limit of samples":            {400, "exceeded sample limit (50000000)", series.Limit},
		"a query with too many samples":           {422, "query processing would load too many samples into memory", series.Limit},
		"an entity that is too large":             {413, "", series.Limit},
		"Mimir's limit of chunks":                 {422, "the query exceeded the maximum number of chunks (limit: 2000000 chunks) (err-mimir-max-chunks-per-query)", series.Limit},
		"too many requests":                       {429, "too many outstanding requests", series.Overloaded},
		"a server that starts":                    {503, "Service Unavailable", series.Overloaded},
		"a proxy without a server behind it":      {502, "", series.Unreachable},
		"a proxy whose server is too slow":        {504, "", series.Timeout},
		"a server that gave up":                   {503, "query timed out in expression evaluation", series.Timeout},
		"a deadline told as a failure":            {500, "context deadline exceeded", series.Timeout},
		"a server out of files":                   {500, "open index: too many open files", series.Failed},
		"a failure of the server":                 {500, "block is corrupted", series.Failed},
		"a limit told as a failure of the server": {500, "response size exceeds the limit", series.Limit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := collect(t, client(t, prom.Config{URL: serve(t, refuse(tc.status, tc.text))}), between(0, 1))
			var e *prom.Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v is not typed", err)
			}
			if e.Kind != tc.want || !errors.Is(err, tc.want) || e.Status != tc.status || e.Message != tc.text {
				t.Errorf("got kind %s, status %d, message %q", e.Kind, e.Status, e.Message)
			}
			if e.Hint() == "" || !strings.Contains(err.Error(), e.Hint()) {
				t.Errorf("error %q has no hint", err)
			}
		})
	}
}

func TestALongRefusalIsToldFromBothEnds(t *testing.T) {
	t.Parallel()
	text := "cannot export " + strings.Repeat("filters and ranges, ", 200) + "more than 30 series; increase -search.maxUniqueTimeseries"
	_, err := collect(t, client(t, prom.Config{URL: serve(t, refuse(400, text))}), between(0, 1))
	if !errors.Is(err, series.Limit) || !strings.Contains(err.Error(), "cannot export") || !strings.Contains(err.Error(), "-search.maxUniqueTimeseries") || len(err.Error()) > 1000 {
		t.Errorf("error %v", err)
	}
}

func TestBrokenAnswersAreTypedErrors(t *testing.T) {
	t.Parallel()
	ls := labels("__name__", "seconds", "uuid", "GPU-a")
	good := frame(t, part(ls, chunk(t, samples(100, 1, 200, 2)...)))
	wrongSum := append([]byte(nil), good...)
	wrongSum[len(wrongSum)-1] ^= 1
	bits := chunk(t, samples(100, 1, 200, 2, 300, 3)...).Data
	for name, tc := range map[string]struct {
		body []byte
		kind series.Kind
		is   error  // if not nil
		text string // in the error
	}{
		"a frame cut in its message":  {body: good[:len(good)-3], kind: series.Protocol, is: prom.ErrTruncated},
		"a frame cut in its checksum": {body: good[:3], kind: series.Protocol, is: prom.ErrTruncated},
		"a frame cut in its length":   {body: []byte{0x80}, kind: series.Protocol, is: prom.ErrTruncated},
		"a wrong checksum":            {body: wrongSum, kind: series.Protocol, text: "checksum"},
		"a frame of a gigabyte":       {body: binary.AppendUvarint(nil, 1<<30), kind: series.Protocol, text: "frame of 1073741824 bytes"},
		"a length without an end":     {body: []byte(strings.Repeat("\xff", 20)), kind: series.Protocol, text: "length"},
		"a message that is none":      {body: rawFrame([]byte{0x0a, 0x7f, 1}), kind: series.Protocol, text: "bad field"},
		"an error of the server after good frames": {
			body: append(append([]byte(nil), good...), "cannot populate chunk 17 from block 01ABC: segment index 0 out of range\n"...),
			kind: series.Failed,
			text: `server says "cannot populate chunk 17 from block 01ABC: segment index 0 out of range"`,
		},
		"a long error of the server": {
			body: []byte(strings.Repeat("tsdb: out of luck. ", 100)),
			kind: series.Failed, text: "out of luck",
		},
		"a limit met in mid-stream": {
			body: []byte("exceeded the limit of bytes\n"),
			kind: series.Limit,
		},
		"times that fall within a chunk": {
			body: frame(t, part(ls, chunk(t, samples(200, 1, 100, 2)...))),
			kind: series.Protocol, text: `seconds{uuid="GPU-a"}: time 100 after 200`,
		},
		"a time that comes twice within a chunk": {
			body: frame(t, part(ls, chunk(t, samples(200, 1, 200, 1)...))),
			kind: series.Protocol, text: "time 200 after 200",
		},
		"two values at one time": {
			body: frame(t, part(ls, chunk(t, samples(100, 1)...), chunk(t, samples(100, 2)...))),
			kind: series.Protocol, text: "two values at 100",
		},
		"a chunk of histograms": {
			body: frame(t, part(ls, prompb.Chunk{Type: prompb.Chunk_HISTOGRAM, Data: bits})),
			kind: series.Protocol, text: "encoding 2",
		},
		"a chunk without data": {
			body: frame(t, part(ls, prompb.Chunk{Type: prompb.Chunk_XOR})),
			kind: series.Protocol, text: "only 0 bytes",
		},
		"a chunk cut short": {
			body: frame(t, part(ls, prompb.Chunk{Type: prompb.Chunk_XOR, Data: bits[:len(bits)-8]})),
			kind: series.Protocol, text: "chunk of seconds",
		},
		"a chunk of the other encoding cut short": {
			body: frame(t, part(ls, prompb.Chunk{Type: prompb.Chunk_XOR2, Data: chunkAs(t, chunkenc.NewXOR2Chunk(), samples(100, 1, 200, 2)...).Data[:4]})),
			kind: series.Protocol, text: "chunk of seconds",
		},
		"a label twice": {
			body: frame(t, part(labels("a", "1", "a", "2"), chunk(t, samples(100, 1)...))),
			kind: series.Protocol, text: `two labels "a"`,
		},
		"no labels":               {body: frame(t, part(nil, chunk(t, samples(100, 1)...))), kind: series.Protocol, text: "without labels"},
		"a label without a name":  {body: frame(t, part(labels("", "1"), chunk(t, samples(100, 1)...))), kind: series.Protocol, text: "bad label"},
		"a label that is no text": {body: frame(t, part(labels("a", "\xff"), chunk(t, samples(100, 1)...))), kind: series.Protocol, text: "bad label"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := collect(t, client(t, prom.Config{URL: serve(t, stream(tc.body))}), between(0, 1000))
			if !errors.Is(err, tc.kind) || tc.is != nil && !errors.Is(err, tc.is) || err != nil && !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %v, want one of kind %s with %q", err, tc.kind, tc.text)
			}
		})
	}
}

func TestAServerThatDoesNotStreamIsRecognized(t *testing.T) {
	t.Parallel()
	for name, contentType := range map[string]string{
		"all samples in one message":    "application/x-protobuf",
		"a page of something else":      "text/html; charset=utf-8",
		"a stream of something else":    "application/x-streamed-protobuf; proto=other.Message",
		"a content type that is broken": ";;",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := collect(t, client(t, prom.Config{URL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", contentType)
				_, _ = w.Write([]byte("anything"))
			})}), between(0, 1))
			if !errors.Is(err, prom.ErrNotStreamed) || !errors.Is(err, series.Protocol) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestAConnectionThatBreaksIsAnErrorAlsoBetweenFrames(t *testing.T) {
	t.Parallel()
	good := frame(t, part(labels("__name__", "seconds"), chunk(t, samples(100, 1)...)))
	got, err := collect(t, client(t, prom.Config{URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		stream(good)(w, r)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})}), between(0, 1000))
	var e *prom.Error
	if !errors.As(err, &e) || len(got) != 0 {
		t.Errorf("%d series and error %v, want none and a typed one", len(got), err)
	}
}

// stalls answers the question for the series of nobody, and hangs with others.
func stalls(t *testing.T, hang http.HandlerFunc) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		// A server sees that the client is gone only when it has read the body.
		if asked(t, r).Queries[0].Matchers[0].Value == "gputally_no_such_metric" {
			w.Header().Set("Content-Type", streamType)
			return
		}
		hang(w, r)
	}
}

func TestAServerThatHangsIsATimeout(t *testing.T) {
	t.Parallel()
	for name, handler := range hanging() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := collect(t, client(t, prom.Config{Timeout: 50 * time.Millisecond, URL: serve(t, stalls(t, handler))}), between(0, 1))
			if !errors.Is(err, series.Timeout) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// hanging are servers that hang until the client is gone.
func hanging() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"before its answer": func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		},
		"in its answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", streamType)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
	}
}

func TestAServerThatAnswersNothingIsNoServerWithTooMuchToRead(t *testing.T) {
	t.Parallel()
	for name, handler := range hanging() {
		for _, road := range []string{"remote_read", "auto"} {
			t.Run(name+" by "+road, func(t *testing.T) {
				t.Parallel()
				_, err := collect(t, client(t, prom.Config{Road: road, Timeout: 20 * time.Millisecond, URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
					_ = asked(t, r)
					handler(w, r)
				})}), between(0, 1))
				if !errors.Is(err, series.Unreachable) || errors.Is(err, series.Timeout) || !strings.Contains(err.Error(), "answers nothing") {
					t.Errorf("error %v", err)
				}
			})
		}
	}
}

func TestWhatTheServerAskedForIsInTheError(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		after  string
		want   time.Duration
	}{
		"seconds of a 429":        {429, "90", 90 * time.Second},
		"seconds of a 503":        {503, "90", 90 * time.Second},
		"a date of a 503":         {503, "Wed, 21 Oct 2026 07:30:00 GMT", 2 * time.Minute},
		"a date of long ago":      {503, "Wed, 21 Oct 2015 07:30:00 GMT", 0},
		"a date in a far future":  {429, "Wed, 21 Oct 2099 07:30:00 GMT", 24 * time.Hour},
		"seconds without an end":  {429, "99999999", 24 * time.Hour},
		"seconds below zero":      {429, "-5", 0},
		"something that is a lie": {429, "1e9", 0},
		"nothing":                 {429, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := collect(t, client(t, prom.Config{URL: serve(t, refuseFor(tc.status, tc.after))}), between(0, 1))
			var asked interface{ RetryAfter() time.Duration }
			if !errors.As(err, &asked) || asked.RetryAfter() != tc.want {
				t.Errorf("error %v asks for another wait than %v", err, tc.want)
			}
		})
	}
}
