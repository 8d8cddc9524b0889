package open

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/dir"
	"github.com/gputally/gputally/reporter/bucket/s3"
)

// Config names a bucket. All but URL is for s3:// only and optional.
type Config struct {
	URL string // "s3://bucket/folder" or "file:///var/lib/gputally"

	Region    string // as the environment says if empty
	Endpoint  string // URL of a store that is not AWS
	PathStyle bool
	TLS       TLS
	SSE       string // "", "AES256" or "aws:kms"
	KMSKeyID  string
	Keys      s3.Keys       // usually none: the SDK finds credentials where it always does
	Timeout   time.Duration // how long the store may send nothing, see s3.Config

	Log *slog.Logger     // hears of requests; nil: nobody does
	Now func() time.Time // clock of the log's durations; nil: they are left out
}

// TLS says whom an S3 server's certificate must come from, and who we are.
type TLS = s3.TLS

// Bucket opens the bucket. Errors name what is wrong with which setting; those
// of the store itself show with the first operation.
func Bucket(ctx context.Context, cfg Config) (bucket.Bucket, error) {
	u, err := parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("bucket URL: %w", err)
	}
	if u.Scheme == "s3" {
		return s3.New(ctx, s3.Config{
			Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"),
			Region: cfg.Region, Endpoint: cfg.Endpoint, PathStyle: cfg.PathStyle, TLS: cfg.TLS,
			SSE: cfg.SSE, KMSKeyID: cfg.KMSKeyID, Keys: cfg.Keys, Timeout: cfg.Timeout, Log: cfg.Log, Now: cfg.Now,
		})
	}
	if cfg.Region+cfg.Endpoint+cfg.SSE+cfg.KMSKeyID != "" || cfg.PathStyle || cfg.Timeout != 0 || cfg.TLS != (TLS{}) || cfg.Keys != (s3.Keys{}) {
		return nil, fmt.Errorf("bucket %s: region, endpoint, path style, TLS settings, encryption, timeout and keys are for s3:// only", cfg.URL)
	}
	return dir.New(ctx, u.Path)
}

// parse checks the URL. A password in it is never shown.
func parse(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return nil, errors.New("it is empty; use s3://bucket/folder or file:///folder")
	case strings.Contains(text, "@") && (err != nil || u.User != nil):
		return nil, errors.New("it has a user or password in it: give credentials through the environment")
	case err != nil:
		return nil, fmt.Errorf("%q is no URL; use s3://bucket/folder or file:///folder", text)
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return nil, fmt.Errorf("%q has more than a path; write ? as %%3F and # as %%23", text)
	}
	switch u.Scheme {
	case "s3":
		if u.Host == "" {
			return nil, fmt.Errorf("%q names no bucket; use s3://bucket/folder", text)
		}
		if u.Port() != "" {
			return nil, fmt.Errorf("%q has a port; give another server as endpoint", text)
		}
	case "file":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return nil, fmt.Errorf("%q is not absolute; use file:///folder with three slashes", text)
		}
	default:
		return nil, fmt.Errorf("%q is of no store that gputally knows; use s3://bucket/folder or file:///folder", text)
	}
	return u, bucket.CheckURL(u)
}
