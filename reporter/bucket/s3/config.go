package s3

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// How long a store may send nothing, unless the configuration says so. The caller's
// context bounds everything together.
const (
	// answerTimeout is for the begin of an answer, once the store has the request.
	answerTimeout = time.Minute
	// idleTimeout is for the middle of a body. Each byte starts it again, so that it
	// bounds no slow line and no big object.
	idleTimeout = 30 * time.Second
)

// Config says which bucket to use, and how.
type Config struct {
	Bucket string
	Prefix string // the folder inside the bucket that holds everything, or ""

	Region    string // "": as the environment says, us-east-1 with an Endpoint
	Endpoint  string // "": AWS; else the URL of the store: "https://minio.example:9000"
	PathStyle bool   // the bucket's name is in the path, not in the host name
	TLS       TLS    // for an Endpoint with a certificate of its own

	SSE      string // server-side encryption: "" (the bucket's default), "AES256" or "aws:kms"
	KMSKeyID string // with aws:kms: the key, or "" for the account's default

	// Keys are static credentials. Without them the SDK looks where it always
	// does: environment, shared files, web identity, container and instance role.
	Keys Keys

	HTTPClient *http.Client // nil: one of our own

	// Timeout is how long the store may send nothing. 0: a minute before an answer, 30 s
	// in the middle of one.
	Timeout time.Duration

	Log *slog.Logger     // hears of requests; nil: nobody does
	Now func() time.Time // clock of the log's durations; nil: they are left out
}

func (c *Config) defaults() {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// TLS says whom to trust, and who we are. The zero TLS trusts whom the system
// trusts, and is nobody.
type TLS struct {
	CAFile             string // PEM file of certificate authorities to trust besides the system's
	CertFile, KeyFile  string // PEM files of our own certificate and its key, read again for each connection
	ServerName         string // that the store's certificate must have, "" for the endpoint's host
	InsecureSkipVerify bool   // trust any certificate
}

// Keys are static credentials. Formatted they show nothing.
type Keys struct {
	AccessKey    string
	SecretKey    string
	SessionToken string // with temporary credentials only
}

// String hides the keys.
func (k Keys) String() string {
	if k == (Keys{}) {
		return "no static keys"
	}
	return "static keys"
}

// GoString hides the keys.
func (k Keys) GoString() string { return k.String() }

// check returns all that is wrong with the configuration.
func (c Config) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Bucket == "" || strings.ContainsAny(c.Bucket, "/ \t\n") {
		bad("bucket %q is no bucket name", c.Bucket)
	}
	if err := checkEndpoint(c.Endpoint); err != nil {
		errs = append(errs, err)
	}
	switch types.ServerSideEncryption(c.SSE) {
	case "", types.ServerSideEncryptionAes256:
		if c.KMSKeyID != "" {
			bad("a KMS key needs sse %q, not %q", types.ServerSideEncryptionAwsKms, c.SSE)
		}
	case types.ServerSideEncryptionAwsKms:
	default:
		bad("sse %q is unknown: use %q, %q or nothing", c.SSE, types.ServerSideEncryptionAes256, types.ServerSideEncryptionAwsKms)
	}
	if (c.Keys.AccessKey == "") != (c.Keys.SecretKey == "") {
		bad("static keys need both the access key and the secret key")
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		bad("a client certificate needs both the certificate's file and the key's file")
	}
	if c.HTTPClient != nil && c.TLS != (TLS{}) {
		bad("TLS settings have no effect with an HTTP client of its own")
	}
	return errors.Join(errs...)
}

// checkEndpoint never shows an endpoint that may have a password in it.
func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case strings.Contains(endpoint, "@") || err == nil && u.User != nil:
		return errors.New("the endpoint has a user or password in it: give credentials through the environment")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("endpoint %q is no URL like https://host:port", endpoint)
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("endpoint %q has more than scheme, host and path", endpoint)
	}
	return nil
}

// client returns our own HTTP client, which trusts what the configuration says.
func (c Config) client() (*awshttp.BuildableClient, error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = cmp.Or(c.Timeout, answerTimeout)
	})
	if c.TLS == (TLS{}) {
		return client, nil
	}
	settings, err := c.TLS.config()
	if err != nil {
		return nil, err
	}
	return client.WithTransportOptions(func(t *http.Transport) { t.TLSClientConfig = settings }), nil
}
