package demo

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gputally/gputally/internal/child"
	"github.com/gputally/gputally/internal/promserver"
)

// address returns the wanted address, or one with a free port if it is taken.
func address(ctx context.Context, wanted string) string {
	for _, candidate := range []string{wanted, "127.0.0.1:0"} {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", candidate)
		if err == nil {
			defer listener.Close()
			return listener.Addr().String()
		}
	}
	return wanted // whoever listens there will say what is wrong
}

// prometheus starts the server on the history, scraping the live collectors
// and the reporter.
func (d *demo) prometheus(ctx context.Context, nodes []*node, at Addresses) (*promserver.Server, error) {
	log, err := os.Create(d.dir.path("prometheus.log"))
	if err != nil {
		return nil, err
	}
	server, err := promserver.Start(ctx, promserver.Config{
		Binary: d.binary, Dir: d.dir.path("prometheus"), Listen: at.Prometheus,
		Retention: 400 * 24 * time.Hour, YAML: scrapeConfig(nodes, at.Reporter), Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("start Prometheus on the history: %w", err)
	}
	return server, nil
}

func scrapeConfig(nodes []*node, reporter string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global: {scrape_interval: 5s, scrape_timeout: 4s}\nscrape_configs:\n- job_name: %s\n  static_configs:\n", job)
	for _, n := range nodes {
		fmt.Fprintf(&b, "  - {targets: [%q], labels: {instance: %q}}\n", n.address, n.name)
	}
	fmt.Fprintf(&b, "- job_name: gputally-reporter\n  static_configs: [{targets: [%q]}]\n", reporter)
	return b.String()
}

// awaitReporter returns when the reporter is alive.
func awaitReporter(ctx context.Context, at string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := child.Poll(ctx, child.Answers("http://"+at+"/healthz", nil)); err != nil {
		return fmt.Errorf("the reporter on %s: %w", at, err)
	}
	return nil
}

// query is a link that answers with JSON; the server that is built for the demo
// has no pages.
func query(at, expr string) string {
	return "http://" + at + "/api/v1/query?query=" + url.QueryEscape(expr)
}
