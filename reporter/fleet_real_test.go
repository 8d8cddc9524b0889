//go:build real

package reporter_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/internal/s3server"
	"github.com/gputally/gputally/internal/simulate"
	"github.com/gputally/gputally/internal/simulate/history"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/open"
)

// The fleet's night: samples from 20 minutes before midnight to 10 minutes
// after four.
var (
	midnight = instant("2026-11-03T00:00:00Z")
	begins   = midnight.Add(-20 * time.Minute)
	ends     = midnight.Add(4*time.Hour + 10*time.Minute)
)

// hold is a container on a GPU from one time after midnight to another.
func hold(namespace, pod string, gpu, milli int, from, to time.Duration) simulate.Hold {
	return simulate.Hold{
		Holder: device.Holder{Namespace: namespace, Pod: pod, PodUID: "uid-" + pod, Container: "main"},
		GPU:    gpu, Milli: milli, From: midnight.Add(from), To: midnight.Add(to),
	}
}

// fleet is two nodes. From midnight to three the pods hold these GPU-seconds:
// train 10800, notebook 3150, serve 3295, index 1200, shell 150; the fleet has
// 32400.
func fleet() []*simulate.Node {
	const min = time.Minute
	return []*simulate.Node{{
		Name: "node-a",
		GPUs: []simulate.GPU{simulate.NewGPU("GPU-a0", "NVIDIA H200"), simulate.NewGPU("GPU-a1", "NVIDIA H200")},
		Holds: []simulate.Hold{
			hold("vision", "train", 0, 1000, -15*min, 5*60*min),
			hold("vision-dev", "notebook", 1, 500, 30*min, 135*min),
			hold("search", "serve", 1, 500, 50*min+10*time.Second, 160*min),
		},
	}, {
		Name: "node-b",
		GPUs: []simulate.GPU{simulate.NewGPU("GPU-b0", "NVIDIA L40S")},
		Holds: []simulate.Hold{
			hold("search", "index", 0, 1000, 60*min, 80*min),
			hold("lost", "shell", 0, 250, 120*min, 130*min),
		},
	}}
}

const (
	projectsFile = `projects:
  - {name: vision, department: research, namespaces: [vision, "vision-*"], quota: [{deserved: 1}]}
  - {name: search, department: web, namespaces: [search], quota: [{deserved: 1}]}
`
	pricesFile = `currency: EUR
rates:
  - {model: "NVIDIA H200", gpu_hour: "3.60"}
  - {model: "NVIDIA L40S", gpu_hour: "0.72"}
`
)

// writePast writes what a Prometheus would have scraped of nodes.
func writePast(dir string, from, to time.Time, nodes []*simulate.Node) error {
	targets, err := history.NewTargets(nodes, from, history.Timing{})
	if err != nil {
		return err
	}
	_, err = history.Write(context.Background(), history.Config{Dir: dir, From: from, To: to}, targets)
	return err
}

// servers are what the tests share: a Prometheus with the fleet's night, and an
// S3 server whose administrator's keys are in the environment.
type servers struct {
	prometheus *promserver.Server
	s3         *s3server.Server
	s3dir      string
}

var shared servers

func TestMain(m *testing.M) {
	asProcess()
	if err := withServers(m); err != nil {
		panic(err)
	}
}

func withServers(m *testing.M) error {
	dir, err := os.MkdirTemp("", "reporter-test-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := writePast(promserver.DataDir(dir), begins, ends, fleet()); err != nil {
		return err
	}
	shared.prometheus, err = promserver.Start(ctx, promserver.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer shared.prometheus.Stop(ctx)
	shared.s3dir = dir + "/s3"
	shared.s3, err = s3server.Start(ctx, shared.s3dir)
	if err != nil {
		return err
	}
	defer shared.s3.Stop()
	// Keys of the environment are what most users have; no other test may look
	// for some in the files or on the network of this machine.
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": shared.s3.AccessKey, "AWS_SECRET_ACCESS_KEY": shared.s3.SecretKey,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_CONFIG_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CA_BUNDLE": "", // which takes each process of a test long to read
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	m.Run() // the testing package ends the process with its outcome
	return nil
}

// s3Bucket makes a bucket, and returns it with its setting.
func s3Bucket(t *testing.T, name string) (bucket.Bucket, string) {
	t.Helper()
	if err := shared.s3.CreateBucket(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	b, err := open.Bucket(t.Context(), open.Config{
		URL: "s3://" + name + "/prod", Region: shared.s3.Region, Endpoint: shared.s3.Endpoint, PathStyle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b, s3Setting(name, shared.s3)
}

func s3Setting(name string, server *s3server.Server) string {
	return fmt.Sprintf("{url: s3://%s/prod, endpoint: %q, region: %s, path_style: true}", name, server.Endpoint, server.Region)
}

// priced is a configuration with prices and projects.
func priced(prometheus, bucket, more string) files {
	return files{
		"gputally.yaml": mainFile(prometheus, bucket) + "prices: prices.yaml\nprojects: projects.yaml\n" + more,
		"prices.yaml":   pricesFile, "projects.yaml": projectsFile,
	}
}
