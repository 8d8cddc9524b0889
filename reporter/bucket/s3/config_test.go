package s3_test

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/s3"
)

func TestACertificateAuthorityOfOnesOwnIsTrusted(t *testing.T) {
	t.Parallel()
	store := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"e"`) }))
	defer store.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: store.Certificate().Raw})
	if err := os.WriteFile(file, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ file, want string }{
		{file, ""},
		{"", "set ca_file to the file with the store's certificate authority"},
	} {
		b := connect(t, nil, func(c *s3.Config) { c.HTTPClient, c.Endpoint, c.TLS.CAFile = nil, store.URL, tt.file })
		_, err := bucket.PutBytes(t.Context(), b, "k", []byte("x"), bucket.Condition{})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("CA file %q: %v, want %q", tt.file, err, tt.want)
		}
	}
}

// emptyEnvironment has no AWS settings in it.
func emptyEnvironment(t *testing.T) {
	t.Helper()
	for _, line := range os.Environ() {
		if name, _, _ := strings.Cut(line, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // puts it back afterwards
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	nowhere := filepath.Join(t.TempDir(), "nothing")
	t.Setenv("AWS_CONFIG_FILE", nowhere)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

func TestCredentialsAndRegionComeFromTheEnvironment(t *testing.T) {
	emptyEnvironment(t)
	network := &store{answer: accept}
	cfg := s3.Config{Bucket: "books", HTTPClient: &http.Client{Transport: network}}

	_, err := s3.New(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "no region: set it in the configuration or as AWS_REGION") {
		t.Errorf("without a region: %v", err)
	}
	t.Setenv("AWS_REGION", "eu-west-3")
	b, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = bucket.PutBytes(t.Context(), b, "k", nil, bucket.Condition{})
	if err == nil || errors.Is(err, bucket.ErrDenied) || !strings.Contains(err.Error(), "no credentials") || !strings.Contains(err.Error(), "give the pod a role") {
		t.Errorf("without credentials: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", accessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
	if b, err = s3.New(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.PutBytes(t.Context(), b, "k", nil, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	r := network.requests[0]
	if r.URL.Host != "books.s3.eu-west-3.amazonaws.com" || !strings.Contains(r.Header.Get("Authorization"), accessKey+"/") {
		t.Errorf("sent to %s, signed %q", r.URL.Host, r.Header.Get("Authorization"))
	}
}
