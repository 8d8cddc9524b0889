//go:build real

package reporter_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/internal/s3server"
	"github.com/gputally/gputally/reporter"
)

// The keys are in the environment, so this test is not parallel to others.
func TestABucketWithoutPermission(t *testing.T) {
	b, setting := s3Bucket(t, "guarded")
	config := "--config=" + priced(shared.prometheus.URL, setting, "").write(t)
	args := map[string][]string{
		"close":  {"close", closeNight, config},
		"report": {"report", "--by=namespace", "--period=" + threeHours, config},
	}
	run(t, afterThree, args["close"]...).succeeds(t)
	before := snapshot(t, b)
	nothingElse := func(t *testing.T) {
		t.Helper()
		if diff := cmp.Diff(before, snapshot(t, b)); diff != "" {
			t.Errorf("objects (-before +after)\n%s", diff)
		}
	}
	account, err := shared.s3.CreateAccount(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		keys s3server.Account
		hint string
	}{
		"a wrong secret":            {s3server.Account{AccessKey: shared.s3.AccessKey, SecretKey: "wrong"}, "the secret key does not fit the access key"},
		"keys of nobody":            {s3server.Account{AccessKey: "NOBODY", SecretKey: "wrong"}, "the store does not know the access key"},
		"an account without rights": {account, "allow s3:GetObject, s3:PutObject"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", tt.keys.AccessKey)
			t.Setenv("AWS_SECRET_ACCESS_KEY", tt.keys.SecretKey)
			for _, command := range []string{"close", "report"} {
				got := run(t, afterThree, args[command]...)
				got.want(t, reporter.ExitBucket, "s3://guarded/prod", tt.hint)
				if strings.Contains(got.message+got.stderr, tt.keys.SecretKey) && tt.keys.SecretKey != "wrong" {
					t.Errorf("the secret is in the message: %s", got.message)
				}
			}
			got := run(t, afterThree, "check", "--live", config)
			got.want(t, reporter.ExitNotReady, "not ready")
			if !strings.Contains(got.stdout, "BAD   bucket s3://guarded/prod: write: ") || !strings.Contains(got.stdout, tt.hint) ||
				strings.Count(got.stdout, "\n-     bucket s3://guarded/prod: ") != 7 || strings.Count(got.stdout, "BAD ") > 2 {
				t.Errorf("check says\n%s", got.stdout)
			}
		})
	}
	nothingElse(t)

	t.Run("a bucket that can be read only", func(t *testing.T) {
		readOnly, err := s3server.StartReadOnly(t.Context(), shared.s3dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(readOnly.Stop)
		t.Setenv("AWS_ACCESS_KEY_ID", readOnly.AccessKey)
		t.Setenv("AWS_SECRET_ACCESS_KEY", readOnly.SecretKey)
		config := "--config=" + priced(shared.prometheus.URL, s3Setting("guarded", readOnly), "").write(t)
		run(t, instant("2026-11-03T04:11:00Z"), "close", closeNight, config).want(t, reporter.ExitBucket, "s3://guarded/prod", "put", "s3:PutObject")
		run(t, afterThree, "report", "--by=namespace", "--period="+threeHours, config).want(t, reporter.ExitBucket, "s3://guarded/prod", "put", "s3:PutObject")
		// What only reads, works.
		run(t, afterThree, "report", "--by=namespace", "--dry-run", "--period="+threeHours, config).succeeds(t)
	})
	nothingElse(t)

	t.Run("a bucket that is not there", func(t *testing.T) {
		config := "--config=" + priced(shared.prometheus.URL, s3Setting("nowhere", shared.s3), "").write(t)
		run(t, afterThree, "close", closeNight, config).want(t, reporter.ExitBucket, "s3://nowhere/prod", "bucket not found")
	})
}
