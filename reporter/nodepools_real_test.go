//go:build real

package reporter_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// oneServerOfTwoClusters answers as one Thanos does that has eu-1 and eu-2.
// Both have the nodes, and so the GPUs, of the shared Prometheus; the label of
// a node is the name of its cluster. As kube-state-metrics has it, eu-2's
// samples are the later ones.
func oneServerOfTwoClusters(t *testing.T) string {
	t.Helper()
	target, err := url.Parse(shared.prometheus.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	ofCluster := regexp.MustCompile(`,?cluster="(eu-[12])"`)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		query := r.Form.Get("query")
		if strings.Contains(query, "kube_node_labels") {
			at, err := strconv.ParseFloat(r.Form.Get("time"), 64)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, nodeLabels(query, at))
			return
		}
		r.Form.Set("query", ofCluster.ReplaceAllString(query, ""))
		next, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.Path, strings.NewReader(r.Form.Encode()))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		next.Header = r.Header
		forward.ServeHTTP(w, next)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// nodeLabels is what kube-state-metrics of both clusters, or of the one that is
// asked for, says of the nodes. It is another job than the collectors.
func nodeLabels(query string, at float64) string {
	var series []string
	for i, cluster := range []string{"eu-1", "eu-2"} {
		if strings.Contains(query, "cluster=") && !strings.Contains(query, `cluster="`+cluster+`"`) || strings.Contains(query, "job=") {
			continue
		}
		for _, node := range []string{"node-a", "node-b"} {
			series = append(series, fmt.Sprintf(
				`{"metric":{"__name__":"kube_node_labels","cluster":%q,"job":"kube-state-metrics","node":%q,"label_pool":%q},"values":[[%.3f,"1"]]}`,
				cluster, node, cluster, at-float64(1-i)))
		}
	}
	return `{"status":"success","data":{"resultType":"matrix","result":[` + strings.Join(series, ",") + `]}}`
}

// Two clusters of one server have nodes of equal names, in different pools.
func TestNodePoolsOfTwoClustersOfOneServer(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	config := files{"gputally.yaml": fmt.Sprintf(`prometheus: {url: %q, timeout: 20s, road: json, selector: {job: gputally-collector}}
node_pool_label: label_pool
clusters:
  - {name: eu-1, prometheus: {selector: {cluster: eu-1}}}
  - {name: eu-2, prometheus: {selector: {cluster: eu-2}}}
bucket: %s
`, oneServerOfTwoClusters(t), setting)}.write(t)
	run(t, afterThree.Add(-2*time.Hour), "close", closeNight, "--config="+config).succeeds(t)
	for _, cluster := range []string{"eu-1", "eu-2"} {
		hours := hoursOf(t, b, cluster)
		if len(hours) != 1 || len(hours[0].Segments) == 0 {
			t.Fatalf("cluster %s has %d hours", cluster, len(hours))
		}
		for _, s := range hours[0].Segments {
			if s.NodePool != cluster {
				t.Errorf("node %s of cluster %s has the pool %q", s.Node, cluster, s.NodePool)
			}
		}
	}
}
