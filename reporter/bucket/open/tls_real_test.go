//go:build real

package open_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gputally/gputally/internal/s3server"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/open"
	"github.com/gputally/gputally/reporter/bucket/s3"
)

func TestAServerWithAPrivateAuthorityIsTrustedByItsFile(t *testing.T) {
	t.Parallel()
	server, ca, err := s3server.StartTLS(context.WithoutCancel(t.Context()), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	if err := server.CreateBucket(t.Context(), "books"); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		tls  open.TLS
		want string
	}{
		"the authority's file":        {open.TLS{CAFile: ca}, ""},
		"any certificate":             {open.TLS{InsecureSkipVerify: true}, ""},
		"no file":                     {open.TLS{}, "set ca_file to the file"},
		"another name than it has":    {open.TLS{CAFile: ca, ServerName: "s3.example"}, "server_name to the name in its certificate"},
		"the name that it has":        {open.TLS{CAFile: ca, ServerName: "127.0.0.1"}, ""},
		"a certificate of our own":    {open.TLS{CAFile: ca, CertFile: strings.TrimSuffix(ca, "ca.pem") + "cert.pem", KeyFile: strings.TrimSuffix(ca, "ca.pem") + "key.pem"}, ""},
		"a file that is no authority": {open.TLS{CAFile: "tls_real_test.go"}, "has no certificate in PEM format"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := open.Bucket(t.Context(), open.Config{
				URL: "s3://books/" + strings.ReplaceAll(name, " ", "-"), Endpoint: server.Endpoint, Region: server.Region, PathStyle: true,
				TLS: tt.tls, Keys: s3.Keys{AccessKey: server.AccessKey, SecretKey: server.SecretKey},
			})
			if err == nil {
				_, err = bucket.PutBytes(t.Context(), b, "k", []byte("x"), bucket.Condition{Absent: true})
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}
