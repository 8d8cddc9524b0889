package prom_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/config"

	"github.com/gputally/gputally/reporter/prom"
)

// write writes a file for the time of the test and returns its path.
func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// identity makes a certificate for a reader, signed by itself, and its key.
func identity(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// tunnel is a proxy that counts the connections it makes.
func tunnel(t *testing.T) (*url.URL, *atomic.Int32) {
	t.Helper()
	var connections atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
			return
		}
		connections.Add(1)
		to, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		from, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		go func() {
			_, _ = io.Copy(from, to)
			from.Close()
		}()
		_, _ = io.Copy(to, buffered)
		to.Close()
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u, &connections
}

func TestHTTPSettingsReachTheServerOnEveryRoad(t *testing.T) {
	t.Parallel()
	cert, key := identity(t)
	known := x509.NewCertPool()
	known.AppendCertsFromPEM(cert)
	certFile, keyFile := write(t, "cert", cert), write(t, "key", key)
	header := func(name, value string) config.HTTPClientConfig {
		return config.HTTPClientConfig{HTTPHeaders: &config.Headers{Headers: map[string]config.Header{name: {Values: []string{value}}}}}
	}
	basic := func(r *http.Request) bool {
		user, password, _ := r.BasicAuth()
		return user == "reader" && password == "secret"
	}
	has := func(name, value string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Header.Get(name) == value }
	}
	tests := map[string]struct {
		cfg     config.HTTPClientConfig
		arrived func(*http.Request) bool
		proxied bool
	}{
		"a certificate of the reader":         {config.HTTPClientConfig{}, func(r *http.Request) bool { return len(r.TLS.PeerCertificates) == 1 }, false},
		"a file with a bearer token":          {config.HTTPClientConfig{BearerTokenFile: write(t, "token", []byte("abc\n"))}, has("Authorization", "Bearer abc"), false},
		"a file with credentials":             {config.HTTPClientConfig{Authorization: &config.Authorization{Type: "Bearer", CredentialsFile: write(t, "token", []byte("def\n"))}}, has("Authorization", "Bearer def"), false},
		"a name and a password":               {config.HTTPClientConfig{BasicAuth: &config.BasicAuth{Username: "reader", Password: "secret"}}, basic, false},
		"a name and a file with the password": {config.HTTPClientConfig{BasicAuth: &config.BasicAuth{Username: "reader", PasswordFile: write(t, "password", []byte("secret"))}}, basic, false},
		"Mimir's tenant":                      {header("X-Scope-OrgID", "tenant"), has("X-Scope-Orgid", "tenant"), false},
		"a further header":                    {header("X-Vault", "north"), has("X-Vault", "north"), false},
		"a proxy":                             {config.HTTPClientConfig{}, func(*http.Request) bool { return true }, true},
	}
	for name, tc := range tests {
		for road, answer := range answers(t) {
			t.Run(name+" by "+road, func(t *testing.T) {
				t.Parallel()
				s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if !tc.arrived(r) {
						t.Errorf("it did not arrive in %s %s %v", r.Method, r.URL, r.Header)
					}
					answer(w, r)
				}))
				s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: known, MinVersion: tls.VersionTLS12}
				s.StartTLS()
				t.Cleanup(s.Close)
				ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
				cfg := tc.cfg
				cfg.TLSConfig = config.TLSConfig{CAFile: write(t, "ca", ca), CertFile: certFile, KeyFile: keyFile}
				proxy, connections := tunnel(t)
				want := int32(0)
				if tc.proxied {
					cfg.ProxyURL, want = config.URL{URL: proxy}, 1
				}
				got, err := collect(t, client(t, prom.Config{URL: s.URL, Road: road, HTTP: cfg}), between(0, 100))
				if err != nil || len(got) != 3 || connections.Load() != want {
					t.Errorf("%d series and %d connections through the proxy, error %v", len(got), connections.Load(), err)
				}
			})
		}
	}
}
