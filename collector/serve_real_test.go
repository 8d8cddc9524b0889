//go:build real

package collector_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

func TestMetricsPassPromtool(t *testing.T) {
	t.Parallel()
	promtool := filepath.Join("..", ".tools", "bin", "promtool")
	if _, err := os.Stat(promtool); err != nil {
		t.Fatalf("%v: run make tools", err)
	}
	node := nvmltest.Node(2)
	node.GPUs[1].MIG = 1
	node.GPUs[1].Instances = []nvmltest.Instance{{
		UUID: "MIG-1", Name: "NVIDIA H200 MIG 1g.18gb", GI: 7, GPUSlices: 1, ComputeSlices: 1, MemoryMiB: 16384,
	}}
	count := func(clock int64) {
		counters := &nvmltest.Counters{Clock: clock, Graphics: clock / 2, SM: clock / 3, Tensor: clock / 4, DRAM: clock / 5}
		node.GPUs[0].Counters, node.GPUs[1].Counters, node.GPUs[1].Instances[0].Counters = counters, counters, counters
	}
	count(0)
	for _, id := range []int{74, 76, 269, 270, 271, 138, 139, 140, 141, 197, 198} { // NVML_FI_DEV_… in nvml.h
		node.GPUs[0].Fields = append(node.GPUs[0].Fields, nvmltest.Field{ID: id, Kind: nvmltest.Ulonglong, Value: 1 << 20})
	}
	w := collectortest.NewNode(t, node)
	w.Kubelet.Hold(pod("train", gpu0), pod("short", "MIG-1"))
	p := start(t, w, "--nvml.xid", "--nvml.ecc", "--nvml.row-remap", "--nvml.throttle", "--nvml.nvlink", "--nvml.pcie")
	p.Until(t, "both containers are metered", func(s collectortest.Scrape) bool {
		return s.Has(&metric.ContainerEnergy, container("train", gpu0)...) && s.Has(&metric.ContainerShare, container("short", gpu1)...)
	})
	w.Kubelet.Hold(pod("train", gpu0), pod("stranger", "shared-0-of-4"))
	node.GPUs[0].XIDs = []int{79} // after the collector began to watch
	var metrics string
	var missing []string
	var clock int64
	defer func() {
		if t.Failed() {
			t.Errorf("never seen together: %v", missing)
		}
	}()
	p.Eventually(t, "every family is there to be checked", func() bool {
		clock += 1000 // ratios are known only while the driver's counters move
		count(clock)
		w.Play(t, node)
		var err error
		metrics, err = p.Get("/metrics")
		if err != nil {
			return false
		}
		missing = nil
		for _, f := range metric.Families() {
			if !strings.Contains(metrics, "# TYPE "+f.Name+" "+string(f.Type)+"\n") {
				missing = append(missing, f.Name)
			}
		}
		return len(missing) == 0
	})
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(metrics)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

func TestThePagesOfTheServer(t *testing.T) {
	t.Parallel()
	p := start(t, collectortest.NewNode(t, nvmltest.Node(1)))
	for path, want := range map[string]string{
		"/":        `href="/metrics"`,
		"/healthz": "ok",
		"/readyz":  "ok",
		"/metrics": "gputally_collector_build_info{",
	} {
		p.Eventually(t, path+" shows "+want, func() bool {
			page, err := p.Get(path)
			return err == nil && strings.Contains(page, want) && !strings.Contains(page, "/debug/pprof")
		})
	}
}

func TestAReplacedDriverEndsItWithACodeOfItsOwn(t *testing.T) {
	t.Parallel()
	w := collectortest.NewNode(t, nvmltest.Scenario{CountError: nvmltest.VersionMismatch})
	cmd := w.Command(t, built(t))
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(string(out), "start this process anew") {
		t.Errorf("it ended with %v:\n%s", err, out)
	}
}

func TestWhatItCantStartWithIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	none := filepath.Join(t.TempDir(), "web.yml")
	w := collectortest.NewNode(t, nvmltest.Node(1))
	for name, tc := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"a flag that there is not":        {[]string{"--meter.intervall=1s"}, 2, []string{"--meter.intervall"}},
		"an argument":                     {[]string{"serve"}, 2, []string{"unexpected serve"}},
		"a mode that there is not":        {[]string{"--attribution=docker"}, 2, []string{"--attribution: ", "kubelet,none", "docker"}},
		"a duration that is none":         {[]string{"--nvml.timeout=long"}, 2, []string{"--nvml.timeout: ", `"long"`}},
		"a number that is none":           {[]string{"--web.max-requests=many"}, 2, []string{"--web.max-requests: ", `"many"`}},
		"a log level that there is not":   {[]string{"--log.level=loud"}, 2, []string{"--log.level: ", "loud"}},
		"a node without a name":           {[]string{"--node="}, 2, []string{"--node: ", "NODE_NAME"}},
		"a pattern cut short":             {[]string{"--kubelet.resource=nvidia.com/[a"}, 2, []string{"--kubelet.resource: ", "nvidia.com/[a"}},
		"a gap shorter than two polls":    {[]string{"--meter.max-gap=1500ms"}, 2, []string{"--meter.max-gap: 1.5s", "--meter.interval (1s)"}},
		"several at once":                 {[]string{"--nvml.timeout=0s", "--meter.max-gap=1ms"}, 2, []string{"--nvml.timeout: 0s", "--meter.max-gap: 1ms"}},
		"a web configuration that is not": {[]string{"--web.config.file=" + none}, 1, []string{none}},
		"a port that is taken":            {[]string{"--web.listen-address=" + taken.Addr().String()}, 1, []string{taken.Addr().String(), "address already in use"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectFailure(t, w.Command(t, built(t), tc.args...), tc.code, tc.want...)
		})
	}
}

// expectFailure expects that a command ends with a code and says all words in
// its last message.
func expectFailure(t *testing.T, cmd *exec.Cmd, code int, words ...string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != code {
		t.Errorf("it ended with %v, want code %d:\n%s", err, code, out)
	}
	_, message, _ := strings.Cut(string(out), "gputally-collector: ")
	for _, word := range words {
		if !strings.Contains(message, word) {
			t.Errorf("the message doesn't say %q: %s", word, out)
		}
	}
}

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
	p := start(t, collectortest.NewNode(t, nvmltest.Node(1)), "--web.config.file="+config)
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
		r, err := http.NewRequest(http.MethodGet, tc.scheme+"://"+p.Address+"/metrics", nil)
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
	if _, err := http.Get("https://" + p.Address + "/metrics"); err == nil {
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
