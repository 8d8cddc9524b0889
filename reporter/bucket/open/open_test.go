package open_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/open"
	"github.com/gputally/gputally/reporter/bucket/s3"
)

func TestWrongSettingsAreNamed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cfg  open.Config
		want string
	}{
		"no URL":               {open.Config{}, "bucket URL: it is empty; use s3://bucket/folder or file:///folder"},
		"a path":               {open.Config{URL: "/var/lib"}, `"/var/lib" is of no store that gputally knows`},
		"another store":        {open.Config{URL: "gs://books"}, `"gs://books" is of no store that gputally knows`},
		"a bad URL":            {open.Config{URL: "s3://a b"}, `"s3://a b" is no URL`},
		"no bucket":            {open.Config{URL: "s3:///folder"}, `"s3:///folder" names no bucket`},
		"a server as bucket":   {open.Config{URL: "s3://minio:9000/books"}, "give another server as endpoint"},
		"a query":              {open.Config{URL: "s3://books?region=x"}, "has more than a path"},
		"a relative file":      {open.Config{URL: "file://data"}, "is not absolute"},
		"a password":           {open.Config{URL: "s3://KEY:hunter2@books"}, "has a user or password in it"},
		"a bad password":       {open.Config{URL: "s3://KEY:hunter2%@books"}, "has a user or password in it"},
		"S3 settings":          {open.Config{URL: "file:///data", SSE: "AES256"}, "are for s3:// only"},
		"a folder with dots":   {open.Config{URL: "s3://books/../x", Region: "r"}, "segment that begins with a dot"},
		"unknown encryption":   {open.Config{URL: "s3://books", Region: "r", SSE: "rot13"}, `sse "rot13" is unknown`},
		"a key without KMS":    {open.Config{URL: "s3://books", Region: "r", KMSKeyID: "k"}, `a KMS key needs sse "aws:kms"`},
		"no endpoint":          {open.Config{URL: "s3://books", Region: "r", Endpoint: "minio:9000"}, "is no URL like https://host:port"},
		"endpoint password":    {open.Config{URL: "s3://books", Region: "r", Endpoint: "https://u:hunter2@minio"}, "the endpoint has a user or password in it"},
		"half a key":           {open.Config{URL: "s3://books", Region: "r", Keys: s3.Keys{SecretKey: "hunter2"}}, "need both the access key and the secret key"},
		"no CA file":           {open.Config{URL: "s3://books", Region: "r", TLS: s3.TLS{CAFile: "/nowhere/ca.pem"}}, "/nowhere/ca.pem"},
		"a CA file without CA": {open.Config{URL: "s3://books", Region: "r", TLS: s3.TLS{CAFile: "open_test.go"}}, "open_test.go has no certificate"},
		"half a certificate":   {open.Config{URL: "s3://books", Region: "r", TLS: s3.TLS{CertFile: "open_test.go"}}, "needs both the certificate's file and the key's file"},
		"no certificate":       {open.Config{URL: "s3://books", Region: "r", TLS: s3.TLS{CertFile: "open_test.go", KeyFile: "open.go"}}, "client certificate open_test.go with key open.go"},
		"TLS of a directory":   {open.Config{URL: "file:///data", TLS: s3.TLS{InsecureSkipVerify: true}}, "are for s3:// only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := open.Bucket(t.Context(), tt.cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the message shows a password: %v", err)
			}
		})
	}
}

func TestAFileURLIsADirectory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a bucket")
	b, err := open.Bucket(t.Context(), open.Config{URL: "file://" + strings.ReplaceAll(path, " ", "%20")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.PutBytes(t.Context(), b, "a/b", []byte("x"), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(path, "a/b")); err != nil || string(data) != "x" {
		t.Errorf("file has %q, %v", data, err)
	}
}

func TestAnS3URLIsABucketAndAFolder(t *testing.T) {
	t.Parallel()
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut || r.URL.Path != "/books/a folder/b/k" {
			http.Error(w, r.Method+" "+r.URL.Path, http.StatusBadRequest)
		}
		w.Header().Set("ETag", `"e"`)
	}))
	defer store.Close()
	b, err := open.Bucket(t.Context(), open.Config{
		URL: "s3://books/a%20folder/b/", Endpoint: store.URL, PathStyle: true, Keys: s3.Keys{AccessKey: "A", SecretKey: "S"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.PutBytes(t.Context(), b, "k", []byte("x"), bucket.Condition{}); err != nil {
		t.Error(err)
	}
}
