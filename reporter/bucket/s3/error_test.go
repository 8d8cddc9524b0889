package s3_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/s3"
)

func code(code string) string {
	return `<?xml version="1.0"?><Error><Code>` + code + `</Code><Message>said so</Message>` +
		`<AWSAccessKeyId>` + accessKey + `</AWSAccessKeyId><StringToSign>` + secretKey + `</StringToSign></Error>`
}

func TestAnswersAreErrorsOfTheContract(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status   int
		body     string
		kind     error // nil for none
		contains string
	}{
		"no such key":            {404, code("NoSuchKey"), bucket.ErrNotFound, "s3://books/state/k: object not found: NoSuchKey: said so [status 404, request R1]"},
		"no such bucket":         {404, code("NoSuchBucket"), bucket.ErrNoBucket, "create the bucket or correct its name"},
		"a proxy's 404":          {404, "<html><body>default backend - 404</body></html>", nil, "status 404"},
		"a 404 without words":    {404, "", nil, "404"},
		"denied":                 {403, code("AccessDenied"), bucket.ErrDenied, "allow s3:GetObject"},
		"a wrong secret":         {403, code("SignatureDoesNotMatch"), bucket.ErrDenied, "the secret key does not fit the access key"},
		"an unknown key":         {403, code("InvalidAccessKeyId"), bucket.ErrDenied, "does not know the access key"},
		"an expired token":       {400, code("ExpiredToken"), bucket.ErrDenied, "session token"},
		"another clock":          {403, code("RequestTimeTooSkewed"), bucket.ErrDenied, "NTP"},
		"a login page":           {401, "<html>log in</html>", bucket.ErrDenied, "status 401"},
		"a firewall's 403":       {403, "blocked", bucket.ErrDenied, "status 403"},
		"a KMS key switched off": {400, code("KMS.DisabledException"), bucket.ErrDenied, "kms:GenerateDataKey"},
		"a KMS that is busy":     {400, code("KMS.ThrottlingException"), nil, "KMS.ThrottlingException"},
		"another region":         {400, code("AuthorizationHeaderMalformed"), nil, "set region"},
		"a redirect":             {301, code("PermanentRedirect"), nil, "set region"},
		"an unknown function":    {501, code("NotImplemented"), nil, "check --live"},
		"a full store":           {507, code("XMinioStorageFull"), bucket.ErrNoSpace, "free space"},
		"a store that is down":   {503, code("SlowDown"), nil, "SlowDown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // so that pauses between tries take no time
				network := &store{answer: func(*http.Request) (int, string) { return tt.status, tt.body }}
				b := connect(t, network, nil)
				_, _, err := b.Get(t.Context(), "state/k")
				wantKind(t, err, tt.kind)
				if !strings.Contains(err.Error(), tt.contains) || !strings.HasPrefix(err.Error(), "get s3://books/state/k: ") {
					t.Errorf("message %q, want %q in it", err, tt.contains)
				}
				wantNoSecrets(t, err)
				_, err = bucket.PutBytes(t.Context(), b, "state/k", nil, bucket.Condition{})
				wantNoSecrets(t, err)
				for _, err := range b.List(t.Context(), "state/") {
					wantNoSecrets(t, err)
				}
			})
		})
	}
}

// wantKind checks that err is of this kind and of no other.
func wantKind(t *testing.T, err, kind error) {
	t.Helper()
	for _, k := range []error{
		bucket.ErrNotFound, bucket.ErrNoBucket, bucket.ErrConflict, bucket.ErrDenied, bucket.ErrNoSpace, bucket.ErrInvalidKey,
	} {
		if wanted := errors.Is(kind, k); errors.Is(err, k) != wanted {
			t.Errorf("%v: is %q: %v", err, k, errors.Is(err, k))
		}
	}
}

func wantNoSecrets(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		for _, secret := range []string{secretKey, sessionToken, accessKey} {
			if strings.Contains(text, secret) {
				t.Errorf("the message shows credentials: %s", text)
			}
		}
	}
}

func TestAConditionThatDoesNotHoldIsAConflict(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cond   bucket.Condition
		status int
		code   string
		there  bool // whether a HEAD finds an object
		want   error
	}{
		"exists":                 {bucket.Condition{Absent: true}, 412, "PreconditionFailed", true, bucket.ErrConflict},
		"existed a moment ago":   {bucket.Condition{Absent: true}, 412, "PreconditionFailed", false, bucket.ErrConflict},
		"changed":                {bucket.Condition{ETag: "x"}, 412, "PreconditionFailed", true, bucket.ErrConflict},
		"gone, says a 404":       {bucket.Condition{ETag: "x"}, 404, "NoSuchKey", false, bucket.ErrConflict},
		"gone, says a 412":       {bucket.Condition{ETag: "x"}, 412, "PreconditionFailed", false, bucket.ErrConflict},
		"another was faster":     {bucket.Condition{Absent: true}, 409, "ConditionalRequestConflict", true, bucket.ErrConflict},
		"another changed it":     {bucket.Condition{ETag: "x"}, 409, "ConditionalRequestConflict", true, bucket.ErrConflict},
		"another tries for ever": {bucket.Condition{Absent: true}, 409, "ConditionalRequestConflict", false, nil},
		"the bucket is gone":     {bucket.Condition{ETag: "x"}, 404, "NoSuchBucket", false, bucket.ErrNoBucket},
		"a conflict without a condition is no such": {bucket.Condition{}, 409, "OperationAborted", false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := &store{answer: func(r *http.Request) (int, string) {
					switch {
					case r.Method != http.MethodHead:
						return tt.status, code(tt.code)
					case tt.there:
						return 200, ""
					}
					return 404, ""
				}}
				_, err := bucket.PutBytes(t.Context(), connect(t, network, nil), "k", []byte("x"), tt.cond)
				if err == nil {
					t.Fatal("no error")
				}
				wantKind(t, err, tt.want)
			})
		})
	}
}

func TestAFailureThatPassesIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failures := 4
		network := &store{answer: func(r *http.Request) (int, string) {
			if failures--; failures >= 0 {
				return 503, code("SlowDown")
			}
			return accept(r)
		}}
		start := time.Now()
		if _, err := bucket.PutBytes(t.Context(), connect(t, network, nil), "k", []byte("x"), bucket.Condition{}); err != nil {
			t.Error(err)
		}
		if n := len(network.sent()); n != 5 {
			t.Errorf("%d tries, want 5", n)
		}
		if took := time.Since(start); took == 0 || took > 4*5*time.Second {
			t.Errorf("the tries took %v", took)
		}
	})
}

// broken is a network that gives an error.
type broken struct{ err error }

func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.err }

func TestAStoreThatIsNotReachedIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("dial tcp: connection refused")
		_, _, err := connect(t, broken{refused}, nil).Get(t.Context(), "k")
		wantKind(t, err, nil)
		wantNoSecrets(t, err)
		want := "get s3://books/k: reach https://s3.example: dial tcp: connection refused (check the endpoint and that the network lets it through)"
		if !errors.Is(err, refused) || err.Error() != want {
			t.Errorf("message\n%s, want\n%s", err, want)
		}
	})
}

// hanging is a store that never answers.
type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestADeadlineEndsTheWaitForAStoreThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		_, err := bucket.PutBytes(ctx, connect(t, hanging{}, nil), "k", make([]byte, 17<<20), bucket.Condition{})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 2*time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestASettingsDumpShowsNoKeys(t *testing.T) {
	t.Parallel()
	cfg := s3.Config{Bucket: "books", Keys: s3.Keys{AccessKey: accessKey, SecretKey: secretKey, SessionToken: sessionToken}}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		wantNoSecrets(t, fmt.Errorf(format, cfg))
	}
}

func TestWhatAStoreRepeatsOfItsRequestIsNotShown(t *testing.T) {
	t.Parallel()
	repeated := func(r *http.Request) string {
		return fmt.Sprintf("bad request \x1b[31m %v %s %s %s https://s3.example/k?X-Amz-Signature=0af1&X-Amz-Credential=A1",
			r.Header, accessKey, secretKey, sessionToken)
	}
	for name, body := range map[string]func(*http.Request) string{
		"its message": func(r *http.Request) string {
			return `<Error><Code>InvalidRequest</Code><Message>` + html.EscapeString(strings.ReplaceAll(repeated(r), "\x1b", "\u202e")) + `</Message></Error>`
		},
		"its code": func(*http.Request) string {
			return `<Error><Code>` + accessKey + `</Code><Message>` + secretKey + strings.Repeat("x", 5000) + `</Message></Error>`
		},
		"no XML": repeated,
	} {
		for _, status := range []int{200, 400, 403, 409, 412, 503} {
			t.Run(fmt.Sprint(name, " with ", status), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					b := connect(t, &store{answer: func(r *http.Request) (int, string) { return status, body(r) }}, nil)
					var errs []error
					if status != 200 { // there it is an object
						_, _, err := b.Get(t.Context(), "k")
						_, putErr := bucket.PutBytes(t.Context(), b, "k", []byte("x"), bucket.Condition{ETag: "x"})
						errs = append(errs, err, putErr)
					}
					for _, err := range b.List(t.Context(), "") {
						errs = append(errs, err)
					}
					for _, err := range errs {
						wantNoSecrets(t, err)
						for _, hidden := range []string{"\x1b", "\u202e", "0af1", "Credential=A"} {
							if err != nil && (strings.Contains(err.Error(), hidden) || len(err.Error()) > 1200) {
								t.Errorf("the message has %q: %v", hidden, err)
							}
						}
					}
				})
			})
		}
	}
}

// cutting is a store whose first answers end too early.
type cutting struct {
	store
	times int
}

func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.store.RoundTrip(r)
	if c.times--; err == nil && c.times >= 0 {
		resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 20), failing{}))
	}
	return resp, err
}

// failing is the end of a body that is cut.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAnAnswerThatIsCutShortIsAskedForAgain(t *testing.T) {
	t.Parallel()
	const page = `<ListBucketResult><Name>books</Name><Contents><Key>k</Key><Size>1</Size><ETag>"e"</ETag></Contents></ListBucketResult>`
	for name, tt := range map[string]struct {
		times, tries int
		keys         int
	}{
		"twice":     {2, 3, 1},
		"each time": {100, 5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := &cutting{store: store{answer: func(*http.Request) (int, string) { return 200, page }}, times: tt.times}
				keys := 0
				var failure error
				for _, err := range connect(t, network, nil).List(t.Context(), "") {
					if failure = err; err == nil {
						keys++
					}
				}
				if n := len(network.sent()); keys != tt.keys || n != tt.tries || (failure == nil) != (keys > 0) {
					t.Errorf("%d keys after %d tries, %v", keys, n, failure)
				}
			})
		})
	}
}

// S3 may answer with status 200 at once and say in the body, much later, that the
// upload could not be completed.
func TestAnErrorUnderStatus200IsAnError(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		size, times int
		fails       bool
	}{
		"of an upload, once":      {17 << 20, 1, false},
		"of an upload, each time": {17 << 20, 100, true},
		"of a put, once":          {10, 1, false},
		"of a put, each time":     {10, 100, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				times := tt.times
				network := &store{answer: func(r *http.Request) (int, string) {
					q := r.URL.Query()
					final := r.Method == http.MethodPut && !q.Has("partNumber") || r.Method == http.MethodPost && q.Has("uploadId")
					if times--; final && times >= 0 {
						return 200, code("InternalError")
					}
					if !final {
						times++
					}
					return accept(r)
				}}
				_, err := bucket.PutBytes(t.Context(), connect(t, network, nil), "k", make([]byte, tt.size), bucket.Condition{Absent: true})
				if (err != nil) != tt.fails || err != nil && !strings.Contains(err.Error(), "InternalError") {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

func TestAnUploadThatIsInterruptedEndsSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		network := &store{answer: func(r *http.Request) (int, string) {
			switch r.Method {
			case http.MethodPut: // a part
				cancel()
			case http.MethodDelete: // of the upload; the store hangs
				<-r.Context().Done()
				return 500, ""
			}
			return accept(r)
		}}
		start := time.Now()
		_, err := bucket.PutBytes(ctx, connect(t, network, nil), "k", make([]byte, 33<<20), bucket.Condition{})
		if took := time.Since(start); !errors.Is(err, context.Canceled) || took > time.Second {
			t.Errorf("after %s: %v", took, err)
		}
		if sent := network.sent(); len(sent) == 0 || !strings.HasPrefix(sent[len(sent)-1], "DELETE ") {
			t.Errorf("requests %v", sent)
		}
	})
}
