package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/s3"
)

// store is a network with an S3 store in it, which records the requests and
// answers as it is told.
type store struct {
	answer func(*http.Request) (status int, body string)

	mu       sync.Mutex
	requests []*http.Request
}

func (s *store) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	status, body := s.answer(r)
	header := http.Header{"Etag": {`"e"`}, "X-Amz-Request-Id": {"R1"}, "Content-Type": {"application/xml"}, "Content-Length": {strconv.Itoa(len(body))}}
	return &http.Response{
		StatusCode: status, Header: header, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// sent returns the requests as "PUT /books/k?partNumber=1".
func (s *store) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, r := range s.requests {
		q := r.URL.Query()
		q.Del("x-id") // the SDK's name of the operation
		line := r.Method + " " + r.URL.Path
		if len(q) > 0 {
			line += "?" + q.Encode()
		}
		lines = append(lines, line)
	}
	return lines
}

const (
	accessKey    = "AKIAVISIBLE"
	secretKey    = "wJalrXUtnFEMI-secret"
	sessionToken = "FwoGZXIvYXdz-session"
)

// connect opens the bucket "books" in a store.
func connect(t *testing.T, s http.RoundTripper, change func(*s3.Config)) bucket.Bucket {
	t.Helper()
	cfg := s3.Config{
		Bucket: "books", Region: "eu-central-1", Endpoint: "https://s3.example", PathStyle: true,
		Keys:       s3.Keys{AccessKey: accessKey, SecretKey: secretKey, SessionToken: sessionToken},
		HTTPClient: &http.Client{Transport: s},
	}
	if change != nil {
		change(&cfg)
	}
	b, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// accept answers everything that a Put needs.
func accept(r *http.Request) (int, string) {
	switch q := r.URL.Query(); {
	case r.Method == http.MethodPost && q.Has("uploads"):
		return 200, `<InitiateMultipartUploadResult><UploadId>U1</UploadId></InitiateMultipartUploadResult>`
	case r.Method == http.MethodPost:
		return 200, `<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>`
	}
	return 200, ""
}

func TestEncryptionIsAskedForOnTheRequestThatMakesTheObject(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ sse, key string }{
		"the bucket's default":   {"", ""},
		"S3's own key":           {"AES256", ""},
		"the account's KMS key":  {"aws:kms", ""},
		"a KMS key of one's own": {"aws:kms", "arn:aws:kms:eu-central-1:1:key/k"},
	} {
		for _, size := range []int{10, 17 << 20} {
			t.Run(fmt.Sprintf("%s, %d bytes", name, size), func(t *testing.T) {
				t.Parallel()
				network := &store{answer: accept}
				b := connect(t, network, func(c *s3.Config) { c.SSE, c.KMSKeyID = tt.sse, tt.key })
				if _, err := bucket.PutBytes(t.Context(), b, "k", make([]byte, size), bucket.Condition{}); err != nil {
					t.Fatal(err)
				}
				first := network.requests[0].Header // the PutObject or CreateMultipartUpload
				if got := first.Get("x-amz-server-side-encryption"); got != tt.sse {
					t.Errorf("encryption %q, want %q", got, tt.sse)
				}
				if got := first.Get("x-amz-server-side-encryption-aws-kms-key-id"); got != tt.key {
					t.Errorf("KMS key %q, want %q", got, tt.key)
				}
			})
		}
	}
}

func TestAPutIsOneRequestWithConditionAndChecksum(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cond                 bucket.Condition
		ifNoneMatch, ifMatch string
	}{
		"none":   {bucket.Condition{}, "", ""},
		"absent": {bucket.Condition{Absent: true}, "*", ""},
		"ETag":   {bucket.Condition{ETag: `"abc"`}, "", `"abc"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network := &store{answer: accept}
			b := connect(t, network, func(c *s3.Config) { c.Prefix = "/a/b/" })
			obj, err := bucket.PutBytes(t.Context(), b, "k", []byte("123456789"), tt.cond)
			if err != nil || obj != (bucket.Object{Key: "k", Size: 9, ETag: `"e"`}) {
				t.Fatalf("put returned %+v, %v", obj, err)
			}
			if got, want := network.sent(), []string{"PUT /books/a/b/k"}; !slices.Equal(got, want) {
				t.Fatalf("sent %q, want %q", got, want)
			}
			h := network.requests[0].Header
			if h.Get("If-None-Match") != tt.ifNoneMatch || h.Get("If-Match") != tt.ifMatch {
				t.Errorf("condition sent as %v", h)
			}
			// The CRC32 of "123456789" is the check value cbf43926.
			if h.Get("x-amz-checksum-crc32") != "y/Q5Jg==" || h.Get("x-amz-trailer") != "" || h.Get("Content-Encoding") != "" {
				t.Errorf("checksum sent as %v", h)
			}
		})
	}
}

func TestABigPutIsAnUploadWithTheConditionOnItsCompletion(t *testing.T) {
	t.Parallel()
	network := &store{answer: accept}
	obj, err := bucket.PutBytes(t.Context(), connect(t, network, nil), "k", make([]byte, 40<<20), bucket.Condition{Absent: true})
	if err != nil || obj.ETag != `"whole"` {
		t.Fatalf("put returned %+v, %v", obj, err)
	}
	want := []string{
		"POST /books/k?uploads=", "PUT /books/k?partNumber=1&uploadId=U1", "PUT /books/k?partNumber=2&uploadId=U1",
		"PUT /books/k?partNumber=3&uploadId=U1", "POST /books/k?uploadId=U1",
	}
	if got := network.sent(); !slices.Equal(got, want) {
		t.Fatalf("sent\n%q, want\n%q", got, want)
	}
	for i, r := range network.requests {
		if condition := r.Header.Get("If-None-Match"); (condition == "*") != (i == len(want)-1) {
			t.Errorf("%s has If-None-Match %q", want[i], condition)
		}
	}
	if h := network.requests[0].Header; h.Get("x-amz-checksum-algorithm") != "CRC32" {
		t.Errorf("the upload does not announce its checksums: %v", h)
	}
}

func TestAnUploadThatFailsIsAborted(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(*http.Request) bool{
		"a part":         func(r *http.Request) bool { return r.URL.Query().Get("partNumber") == "2" },
		"the completion": func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network := &store{answer: func(r *http.Request) (int, string) {
				if breaks(r) {
					return 400, `<Error><Code>BadDigest</Code><Message>differs</Message></Error>`
				}
				return accept(r)
			}}
			_, err := bucket.PutBytes(t.Context(), connect(t, network, nil), "k", make([]byte, 40<<20), bucket.Condition{})
			if err == nil || !strings.Contains(err.Error(), "BadDigest: differs") {
				t.Errorf("error %v", err)
			}
			sent := network.sent()
			if last := sent[len(sent)-1]; last != "DELETE /books/k?uploadId=U1" {
				t.Errorf("the last request is %s", last)
			}
		})
	}
}

func TestAListIsReadPageByPage(t *testing.T) {
	t.Parallel()
	entry := func(keys ...string) string {
		var b bytes.Buffer
		for _, k := range keys {
			fmt.Fprintf(&b, `<Contents><Key>%s</Key><Size>1</Size><ETag>"e"</ETag></Contents>`, k)
		}
		return b.String()
	}
	for name, tt := range map[string]struct {
		second string
		want   []string
		err    string
	}{
		"two pages":      {entry("b/c"), []string{"a", "b/c"}, ""},
		"foreign keys":   {entry("b//c", "b/c", "folder/"), []string{"a", "b/c"}, ""},
		"out of order":   {entry("b", "aa"), []string{"a", "b"}, "out of order"},
		"the page again": {entry("a"), []string{"a"}, "out of order"},
		"nothing more":   {"", []string{"a"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network := &store{answer: func(r *http.Request) (int, string) {
				if r.URL.Query().Get("continuation-token") == "T" {
					return 200, `<ListBucketResult><Name>books</Name>` + tt.second + `</ListBucketResult>`
				}
				return 200, `<ListBucketResult><Name>books</Name><IsTruncated>true</IsTruncated><NextContinuationToken>T</NextContinuationToken>` + entry("a") + `</ListBucketResult>`
			}}
			var got []string
			message := ""
			for obj, err := range connect(t, network, nil).List(t.Context(), "") {
				if err != nil {
					message = err.Error()
					continue
				}
				got = append(got, obj.Key)
			}
			if !slices.Equal(got, tt.want) || tt.err == "" && message != "" || !strings.Contains(message, tt.err) {
				t.Errorf("listed %q with error %q, want %q and %q", got, message, tt.want, tt.err)
			}
		})
	}
}

func TestAPageThatIsNoAnswerIsNeitherAnEmptyListNorAnObject(t *testing.T) {
	t.Parallel()
	const page = `<html><body>Please log in.</body></html>`
	b := connect(t, portal(page), nil)
	listed := 0
	for obj, err := range b.List(t.Context(), "") {
		if err == nil || !strings.Contains(err.Error(), "is the endpoint an S3 store?") {
			t.Errorf("list gave %+v, %v", obj, err)
		}
		listed++
	}
	if listed != 1 {
		t.Error("the list was empty")
	}
	if _, _, err := b.Get(t.Context(), "k"); err == nil {
		t.Error("get took the page for an object")
	}
	if _, err := bucket.PutBytes(t.Context(), b, "k", nil, bucket.Condition{}); err == nil {
		t.Error("put took the page for a success")
	}
}

// portal answers everything with a page and 200.
type portal string

func (p portal) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}}, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(strings.NewReader(string(p))), ContentLength: int64(len(p)),
	}, nil
}

func TestAStatTakesOnlyAMissingObjectForMissing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer func(*http.Request) (int, string)
		size   int64
		want   string // of the error, "" with size
		sent   []string
	}{
		"a store that gives the byte": {func(*http.Request) (int, string) { return 206, "x" }, 1, "", []string{"GET /books/k"}},
		"an empty object": {func(r *http.Request) (int, string) {
			if r.Method == http.MethodHead {
				return 200, ""
			}
			return 416, `<Error><Code>InvalidRange</Code></Error>`
		}, 0, "", []string{"GET /books/k", "HEAD /books/k"}},
		"no object":          {func(*http.Request) (int, string) { return 404, `<Error><Code>NoSuchKey</Code></Error>` }, 0, "not found", []string{"GET /books/k"}},
		"no bucket":          {func(*http.Request) (int, string) { return 404, `<Error><Code>NoSuchBucket</Code></Error>` }, 0, "no bucket", []string{"GET /books/k"}},
		"the 404 of a proxy": {func(*http.Request) (int, string) { return 404, "<html>not here</html>" }, 0, "other", []string{"GET /books/k"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network := &store{answer: tt.answer}
			obj, err := connect(t, network, nil).Stat(t.Context(), "k")
			kind := ""
			switch {
			case errors.Is(err, bucket.ErrNotFound):
				kind = "not found"
			case errors.Is(err, bucket.ErrNoBucket):
				kind = "no bucket"
			case err != nil:
				kind = "other"
			}
			if kind != tt.want || kind == "" && (obj.Size != tt.size || obj.ETag == "") {
				t.Errorf("%+v, %v", obj, err)
			}
			if got := network.sent(); !slices.Equal(got, tt.sent) {
				t.Errorf("sent %q, want %q", got, tt.sent)
			}
		})
	}
}
