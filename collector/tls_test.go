package collector_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTLSAndBasicAuthFromAWebConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	roots := certificate(t, dir)
	config := filepath.Join(dir, "web.yml")
	// The hash is of the password below, at bcrypt's least cost.
	write(t, config, `
tls_server_config:
  cert_file: cert.pem
  key_file: key.pem
  min_version: TLS13
basic_auth_users:
  prometheus: $2a$04$Oq9HJ5ycClE9OZwN0LB17OYunxUKvgtjh8LsqnJjPdPASJ7tlWv/m
`)
	p := run(t, "--web.config.file="+config)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	for name, tc := range map[string]struct {
		scheme, password string
		want             int
	}{
		"with the password":    {"https", "hunter2", http.StatusOK},
		"with another":         {"https", "hunter3", http.StatusUnauthorized},
		"without a password":   {"https", "", http.StatusUnauthorized},
		"without a connection": {"http", "hunter2", http.StatusBadRequest},
	} {
		r, err := http.NewRequest(http.MethodGet, tc.scheme+"://"+p.addresses[0]+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if tc.password != "" {
			r.SetBasicAuth("prometheus", tc.password)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		answer.Body.Close()
		if answer.StatusCode != tc.want {
			t.Errorf("%s: status %d, want %d", name, answer.StatusCode, tc.want)
		}
	}
	if _, err := http.Get("https://" + p.addresses[0] + "/metrics"); err == nil {
		t.Error("a client that does not know the certificate trusts it")
	}
}

// certificate writes cert.pem and key.pem for 127.0.0.1 and returns who trusts them.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "gputally test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	write(t, filepath.Join(dir, "cert.pem"), string(public))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(public)
	return roots
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
