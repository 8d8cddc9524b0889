package config

import (
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
)

type bucketKeys struct {
	URL                string   `yaml:"url"`
	Region             string   `yaml:"region"`
	Endpoint           string   `yaml:"endpoint"`
	PathStyle          bool     `yaml:"path_style"`
	SSE                string   `yaml:"sse"`
	KMSKeyID           string   `yaml:"kms_key_id"`
	Timeout            duration `yaml:"timeout"`
	CAFile             string   `yaml:"ca_file"`
	CertFile           string   `yaml:"cert_file"`
	KeyFile            string   `yaml:"key_file"`
	ServerName         string   `yaml:"server_name"`
	InsecureSkipVerify bool     `yaml:"insecure_skip_verify"`
}

// tlsKeys are the keys of bucket about TLS.
func tlsKeys() []string {
	return []string{"ca_file", "cert_file", "key_file", "server_name", "insecure_skip_verify"}
}

func (k bucketKeys) check(d *document) Bucket {
	b := Bucket{Region: k.Region, PathStyle: k.PathStyle, SSE: k.SSE, KMSKeyID: k.KMSKeyID, Timeout: time.Duration(k.Timeout), TLS: k.tls(d)}
	b.Endpoint = d.httpURL("bucket.endpoint", k.Endpoint, "https://s3.example.com", false)
	b.URL = d.bucketURL("bucket.url", k.URL)
	if k.SSE != "" && k.SSE != "AES256" && k.SSE != "aws:kms" {
		d.fail("bucket.sse", "%q is neither AES256 nor aws:kms", k.SSE)
	}
	if k.KMSKeyID != "" && k.SSE != "aws:kms" {
		d.fail("bucket.kms_key_id", "needs sse: aws:kms")
	}
	if d.has("bucket.timeout") && k.Timeout <= 0 {
		d.fail("bucket.timeout", "must be above 0")
	}
	var useless string
	keys := tlsKeys()
	switch {
	case b.URL != nil && b.URL.Scheme == "file":
		useless = "has no meaning for a file:// bucket"
		keys = append(keys, "region", "endpoint", "path_style", "sse", "kms_key_id", "timeout")
	case b.Endpoint != nil && b.Endpoint.Scheme == "http":
		useless = "has no meaning for an endpoint with http://"
	default:
		return b
	}
	for _, key := range keys {
		if d.has("bucket." + key) {
			d.fail("bucket."+key, "%s", useless)
		}
	}
	return b
}

// tls types the keys about TLS. Files are relative to the main file.
func (k bucketKeys) tls(d *document) BucketTLS {
	if (k.CertFile == "") != (k.KeyFile == "") {
		d.fail("bucket.cert_file", "needs key_file, and key_file needs cert_file")
	}
	if k.InsecureSkipVerify && k.CAFile != "" {
		d.fail("bucket.insecure_skip_verify", "trusts any certificate, so ca_file has no effect: remove one of the two")
	}
	return BucketTLS{
		CAFile: d.relative(k.CAFile), CertFile: d.relative(k.CertFile), KeyFile: d.relative(k.KeyFile),
		ServerName: k.ServerName, InsecureSkipVerify: k.InsecureSkipVerify,
	}
}

// relative is the path of a file that the document names.
func (d *document) relative(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(d.file), name)
}

func (d *document) bucketURL(path, text string) *url.URL {
	u, problem := parseURL(text)
	switch {
	case text == "":
		problem = "is required"
	case problem != "":
	case u.Scheme != "s3" && u.Scheme != "file":
		problem = "must begin with s3:// or file://"
	case u.Scheme == "s3" && (u.Host == "" || u.Port() != ""):
		problem = "does not name a bucket"
	case u.Scheme == "file" && (u.Host != "" || !strings.HasPrefix(u.Path, "/")):
		problem = "must have an absolute path after file://"
	default:
		if err := bucket.CheckURL(u); err != nil {
			problem = err.Error()
		}
	}
	if problem != "" {
		d.fail(path, "%s; write for example s3://bucket/prefix or file:///var/lib/gputally", problem)
		return nil
	}
	return u
}
