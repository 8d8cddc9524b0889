package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/logging"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/requestlog"
	"github.com/gputally/gputally/reporter/secret"
)

// How often one request is tried, and the longest pause between two tries. The
// SDK's standard retryer adds jitter, and stops retrying for a while when most
// requests fail.
const (
	maxAttempts = 5
	maxBackoff  = 5 * time.Second
)

// defaultRegion is what stores other than AWS usually call themselves.
const defaultRegion = "us-east-1"

// store is a whole bucket, without the prefix.
type store struct {
	client   *s3.Client
	name     string
	endpoint string // for messages
	sse      types.ServerSideEncryption
	kmsKey   *string
	secrets  *atomic.Pointer[secret.Set]
}

// New returns the bucket that cfg describes. It asks the store nothing: a wrong
// name or key shows with the first operation.
func New(ctx context.Context, cfg Config) (bucket.Bucket, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("bucket configuration: %w", err)
	}
	cfg.defaults()
	secrets := &atomic.Pointer[secret.Set]{}
	client, err := newClient(ctx, cfg, secrets)
	if err != nil {
		return nil, fmt.Errorf("bucket configuration: %w", err)
	}
	s := &store{client: client, name: cfg.Bucket, endpoint: cfg.Endpoint, sse: types.ServerSideEncryption(cfg.SSE), secrets: secrets}
	if cfg.KMSKeyID != "" {
		s.kmsKey = aws.String(cfg.KMSKeyID)
	}
	return bucket.WithPrefix(s, cfg.Prefix)
}

func newClient(ctx context.Context, cfg Config, secrets *atomic.Pointer[secret.Set]) (*s3.Client, error) {
	httpClient, err := cfg.client()
	if err != nil {
		return nil, err
	}
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(httpClient),
		config.WithRetryer(newRetryer),
		config.WithLogger(logging.Nop{}),
	}
	if cfg.Region != "" {
		options = append(options, config.WithRegion(cfg.Region))
	} else if cfg.Endpoint != "" {
		options = append(options, config.WithDefaultRegion(defaultRegion))
	}
	if k := cfg.Keys; k != (Keys{}) {
		static := credentials.NewStaticCredentialsProvider(k.AccessKey, k.SecretKey, k.SessionToken)
		options = append(options, config.WithCredentialsProvider(static))
	}
	sdk, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	if sdk.Region == "" {
		return nil, errors.New("no region: set it in the configuration or as AWS_REGION")
	}
	return s3.NewFromConfig(sdk, func(o *s3.Options) {
		o.UsePathStyle = cfg.PathStyle
		if cfg.Endpoint != "" {
			o.BaseEndpoint = aws.String(cfg.Endpoint)
		}
		if cfg.HTTPClient != nil {
			o.HTTPClient = cfg.HTTPClient // here, as what loads credentials wants a client that it can change
		}
		o.HTTPClient = requestlog.Of(requestlog.Config{
			Server: "the bucket", Log: cfg.Log, Now: cfg.Now,
			Hide: func(text string) string { return secrets.Load().Hide(text) },
		}, watched{inner: sender(o.HTTPClient), idle: cmp.Or(cfg.Timeout, idleTimeout)}.Do)
		o.Credentials = chain{o.Credentials, secrets}
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported
		o.DisableLogOutputChecksumValidationSkipped = true
	}), nil
}

// newRetryer retries what the SDK does by default, and a put that met another
// one under way while S3 does not know yet who wins; but no certificate that
// is not trusted, as it will be the same again. What the store asks for in
// Retry-After holds, and an answer that is cut short is asked for again.
func newRetryer() aws.Retryer {
	standard := retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.MaxBackoff = maxBackoff
		o.Retryables = append([]retry.IsErrorRetryable{
			retry.IsErrorRetryableFunc(unlessUntrusted), retry.IsErrorRetryableFunc(unlessSentAway), retry.IsErrorRetryableFunc(ifCutShort),
		}, o.Retryables...)
		o.Backoff = patient{retry.NewExponentialJitterBackoff(maxBackoff)}
	})
	return retry.AddWithErrorCodes(standard, codeConditionalConflict)
}

func unlessUntrusted(err error) aws.Ternary {
	if untrusted(err) {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// unlessSentAway leaves a store alone that asks for more time than is waited here.
func unlessSentAway(err error) aws.Ternary {
	if retryAfter(err) > maxBackoff {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// ifCutShort retries what the SDK can't read because the answer ends too early.
func ifCutShort(err error) aws.Ternary {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

// patient waits no less than the store asks for.
type patient struct{ retry.BackoffDelayer }

func (p patient) BackoffDelay(attempt int, err error) (time.Duration, error) {
	d, failed := p.BackoffDelayer.BackoffDelay(attempt, err)
	return max(d, retryAfter(err)), failed
}

// Get opens an object.
func (s *store) Get(ctx context.Context, key string) (io.ReadCloser, bucket.Object, error) {
	if err := bucket.CheckKey(key); err != nil {
		return nil, bucket.Object{}, err
	}
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.name, Key: &key})
	if err == nil && (out.ContentLength == nil || out.ETag == nil) {
		_ = out.Body.Close() // it is of no use
		err = errors.New("the answer has no length or no ETag")
	}
	if err != nil {
		return nil, bucket.Object{}, s.failed(ctx, opGet, key, err)
	}
	obj := bucket.Object{Key: key, Size: *out.ContentLength, ETag: *out.ETag, Modified: aws.ToTime(out.LastModified)}
	fail := func(err error) error { return s.failed(ctx, opGet, key, err) }
	return &content{ReadCloser: out.Body, fail: fail}, obj, nil
}

// Stat describes an object. It asks for the object's first byte, not by HEAD: a
// 404 to a HEAD has no body that says what is missing, and only NoSuchKey is a
// missing object. An object without a byte has none to ask for, and is there.
func (s *store) Stat(ctx context.Context, key string) (bucket.Object, error) {
	if err := bucket.CheckKey(key); err != nil {
		return bucket.Object{}, err
	}
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.name, Key: &key, Range: aws.String("bytes=0-0")})
	if code(err) == codeInvalidRange || status(err) == http.StatusRequestedRangeNotSatisfiable {
		return s.statEmpty(ctx, key)
	}
	if err != nil {
		return bucket.Object{}, s.failed(ctx, opStat, key, err)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(out.Body, maxDrained)) // so that the connection is used again
	if closeErr := out.Body.Close(); err == nil {
		err = closeErr
	}
	size, sized := wholeSize(out)
	if err == nil && (!sized || out.ETag == nil) {
		err = errors.New("the answer has no size or no ETag")
	}
	if err != nil {
		return bucket.Object{}, s.failed(ctx, opStat, key, err)
	}
	return bucket.Object{Key: key, Size: size, ETag: *out.ETag, Modified: aws.ToTime(out.LastModified)}, nil
}

// statEmpty describes an object that has no first byte.
func (s *store) statEmpty(ctx context.Context, key string) (bucket.Object, error) {
	out, err := s.head(ctx, key)
	if err == nil && (out == nil || out.ContentLength == nil || out.ETag == nil) {
		err = errors.New("the store has the object and does not describe it")
	}
	if err != nil {
		return bucket.Object{}, s.failed(ctx, opStat, key, err)
	}
	return bucket.Object{Key: key, Size: *out.ContentLength, ETag: *out.ETag, Modified: aws.ToTime(out.LastModified)}, nil
}

// maxDrained bounds what is read of a store that answers with more than was
// asked for; beyond it a new connection is cheaper.
const maxDrained = 64 << 10

// wholeSize is the size of an object, from the answer for a range of it: behind the
// slash of "bytes 0-0/1234", or that of a body that is all of it.
func wholeSize(out *s3.GetObjectOutput) (size int64, ok bool) {
	if out.ContentRange == nil {
		return aws.ToInt64(out.ContentLength), out.ContentLength != nil
	}
	_, total, _ := strings.Cut(*out.ContentRange, "/")
	size, err := strconv.ParseInt(total, 10, 64)
	return size, err == nil && size >= 0
}

// content says of an error in the middle of an object which object it was.
type content struct {
	io.ReadCloser
	fail func(error) error
}

func (c *content) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = c.fail(err)
	}
	return n, err
}

// Delete removes an object.
func (s *store) Delete(ctx context.Context, key string, cond bucket.Condition) error {
	if err := bucket.CheckDelete(key, cond); err != nil {
		return err
	}
	in := &s3.DeleteObjectInput{Bucket: &s.name, Key: &key}
	if cond.ETag != "" {
		in.IfMatch = &cond.ETag
	}
	_, err := s.client.DeleteObject(ctx, in)
	if err == nil || code(err) == codeNoSuchKey {
		return nil
	}
	if cond.ETag == "" || !refused(err) {
		return s.failed(ctx, opDelete, key, err)
	}
	// Some stores refuse also what is not there, perhaps because an earlier
	// try of this very request removed it.
	if there, headErr := s.head(ctx, key); headErr == nil && there == nil {
		return nil
	}
	return s.conflict(opDelete, key, err)
}

// head describes an object as the store does, nil if there is none.
func (s *store) head(ctx context.Context, key string) (*s3.HeadObjectOutput, error) {
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.name, Key: &key})
	if status(err) == statusNotFound {
		return nil, nil // the answer to a HEAD has no body, so that no code says it
	}
	return out, err
}

// List yields the objects whose keys begin with prefix.
func (s *store) List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error] {
	return func(yield func(bucket.Object, error) bool) {
		if err := s.list(ctx, prefix, func(obj bucket.Object) bool { return yield(obj, nil) }); err != nil {
			yield(bucket.Object{}, err)
		}
	}
}

func (s *store) list(ctx context.Context, prefix string, yield func(bucket.Object) bool) error {
	if err := bucket.CheckPrefix(prefix); err != nil {
		return err
	}
	last := ""
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.name, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return s.failed(ctx, opList, prefix, err)
		}
		if page.Name == nil && page.KeyCount == nil { // the SDK takes any XML for an empty list
			return s.failed(ctx, opList, prefix, errors.New("the answer is no list of objects: is the endpoint an S3 store?"))
		}
		for _, o := range page.Contents {
			key := aws.ToString(o.Key)
			if key <= last { // also a server that gives the same page for ever
				return s.failed(ctx, opList, prefix, fmt.Errorf("the store lists %q after %q, which is out of order", key, last))
			}
			last = key
			if bucket.CheckKey(key) != nil {
				continue // none of ours, such as the "folder/" that consoles make
			}
			obj := bucket.Object{Key: key, Size: aws.ToInt64(o.Size), ETag: aws.ToString(o.ETag), Modified: aws.ToTime(o.LastModified)}
			if !yield(obj) {
				return nil
			}
		}
	}
	return nil
}
