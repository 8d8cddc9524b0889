package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/retryafter"
	"github.com/gputally/gputally/reporter/secret"
)

// The operations, as messages call them.
const (
	opGet    = "get"
	opStat   = "stat"
	opPut    = "put"
	opDelete = "delete"
	opList   = "list"
)

// Codes of S3 that mean something to us.
const (
	codeNoSuchKey           = "NoSuchKey"
	codeNoSuchBucket        = "NoSuchBucket"
	codeInvalidRange        = "InvalidRange"
	codeNoSuchUpload        = "NoSuchUpload"
	codePreconditionFailed  = "PreconditionFailed"
	codeConditionalConflict = "ConditionalRequestConflict"
)

const (
	statusForbidden = http.StatusForbidden
	statusNotFound  = http.StatusNotFound
)

const (
	hintRights = "allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on the objects and " +
		"s3:ListBucket on the bucket, without which an object that is missing is denied too"
	hintSecret = "the secret key does not fit the access key"
	hintKey    = "the store does not know the access key"
	hintToken  = "the session token has expired or is wrong; renew it"
	hintClock  = "the clocks of this machine and the store differ; set this one by NTP"
	hintRegion = "the bucket is in another region: set region to it"
	hintStall  = "look at the store and at the proxies on the way; the operation may be tried again"
	hintKMS    = "allow kms:GenerateDataKey and kms:Decrypt on the key, and check that it is enabled"
)

// answers says what a code of S3 means, and what the operator can do.
func answers(code string) (hint string, kind error) {
	switch code {
	case codeNoSuchKey:
		return "", bucket.ErrNotFound
	case codeNoSuchBucket:
		return "create the bucket or correct its name and region", bucket.ErrNoBucket
	case "AccessDenied", "AllAccessDisabled", "Forbidden":
		return hintRights, bucket.ErrDenied
	case "SignatureDoesNotMatch":
		return hintSecret, bucket.ErrDenied
	case "InvalidAccessKeyId":
		return hintKey, bucket.ErrDenied
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return hintToken, bucket.ErrDenied
	case "RequestTimeTooSkewed":
		return hintClock, bucket.ErrDenied
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return hintRegion, nil
	case "ObjectParentIsFile", "ExistingObjectIsDirectory", "XMinioParentIsObject", "XMinioObjectExistsAsDirectory":
		return "this store keeps objects as files, and an object is in the place of a folder", bucket.ErrInvalidKey
	case "NotImplemented":
		return "the store lacks a function that gputally needs; gputally-reporter check --live shows which", nil
	case "QuotaExceeded", "XMinioStorageFull", "InsufficientStorage":
		return "free space or raise the quota of the bucket", bucket.ErrNoSpace
	case "KMS.AccessDeniedException", "KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException", "KMS.InvalidKeyUsageException":
		return hintKMS, bucket.ErrDenied
	}
	return "", nil
}

// failed gives an error of the SDK its kind, the object and a hint.
func (s *store) failed(ctx context.Context, op, key string, err error) error {
	var done *bucket.OpError
	if errors.As(err, &done) {
		return done
	}
	e := &bucket.OpError{Op: op, Object: s.address(key), Err: err, After: retryAfter(err)}
	var stalled stalledError
	switch hint, kind := answers(code(err)); {
	case ctx.Err() != nil:
		e.Err = ctx.Err()
	case errors.As(err, &stalled):
		e.Err, e.Hint = stalled, hintStall
	case errors.Is(err, errCredentials):
		e.Hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the pod a role"
	case redirect(err) != "" && (hint == "" || status(err) != http.StatusMovedPermanently):
		e.Hint, e.Err = "the endpoint redirects to "+redirect(err)+", which is not followed: make that the endpoint if it is the store", cause(err)
	case kind != nil || hint != "":
		e.Kind, e.Hint, e.Err = kind, hint, cause(err)
	case status(err) == http.StatusUnauthorized, status(err) == statusForbidden:
		e.Kind, e.Hint, e.Err = bucket.ErrDenied, hintRights, cause(err)
	case status(err) == http.StatusMovedPermanently:
		e.Hint, e.Err = hintRegion, cause(err)
	case status(err) != 0:
		e.Err = cause(err)
	default:
		e.Hint, e.Err = unreachable(err)
	}
	e.Err = s.hidden().Error(e.Err)
	return e
}

// conflict is a condition that did not hold.
func (s *store) conflict(op, key string, err error) error {
	return &bucket.OpError{Op: op, Object: s.address(key), Kind: bucket.ErrConflict, Err: s.hidden().Error(cause(err))}
}

func (s *store) address(key string) string { return "s3://" + s.name + "/" + key }

// refused tells that a request may have been refused because of its condition.
func refused(err error) bool {
	return failedCondition(err) || code(err) == codeConditionalConflict
}

// failedCondition tells that a condition did not hold. If-Match on an object
// that is gone is a 404 at some stores and a 412 at others.
func failedCondition(err error) bool {
	switch code(err) {
	case codePreconditionFailed, codeNoSuchKey:
		return true
	}
	return status(err) == http.StatusPreconditionFailed
}

// code returns what S3 calls an error, "" if S3 did not answer.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// status returns the HTTP status of an answer that is an error, 0 without an answer.
func status(err error) int {
	var r *awshttp.ResponseError
	if errors.As(err, &r) {
		return r.HTTPStatusCode()
	}
	return 0
}

// redirect is the scheme and host to which an answer redirects, "" if it does not.
func redirect(err error) string {
	var r *awshttp.ResponseError
	if !errors.As(err, &r) || r.Response == nil || r.Response.Response == nil || r.HTTPStatusCode()/100 != 3 {
		return ""
	}
	to, err := r.Response.Location()
	if err != nil {
		return ""
	}
	return to.Scheme + "://" + to.Host
}

// retryAfter is how long the store wants to be left alone, 0 if it did not say.
func retryAfter(err error) time.Duration {
	var r *awshttp.ResponseError
	if !errors.As(err, &r) || r.Response == nil || r.Response.Response == nil {
		return 0
	}
	return retryafter.Of(r.Response.Header)
}

// cause is the answer of the store in short, without what the SDK did.
func cause(err error) error {
	var r *awshttp.ResponseError
	if !errors.As(err, &r) {
		return err
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return fmt.Errorf("%s: %w", answerOf(r), r.Err)
	}
	text := api.ErrorCode()
	if m := api.ErrorMessage(); m != "" && m != text {
		text += ": " + m
	}
	return fmt.Errorf("%s [%s]", text, answerOf(r))
}

// answerOf names an answer: its status and, from a store, the id of its request.
func answerOf(r *awshttp.ResponseError) string {
	text := fmt.Sprintf("status %d", r.HTTPStatusCode())
	if id := r.ServiceRequestID(); id != "" {
		text += ", request " + id
	}
	return text
}

// unreachable is an error on the way to the store, in short.
func unreachable(err error) (hint string, short error) {
	var u *url.Error
	if !errors.As(err, &u) {
		return "", err
	}
	to := u.URL
	if parsed, err := url.Parse(u.URL); err == nil {
		to = parsed.Scheme + "://" + parsed.Host
	}
	err = fmt.Errorf("reach %s: %w", to, u.Err)
	if untrusted(err) {
		return "set ca_file to the file with the store's certificate authority, or server_name to the name in its certificate", err
	}
	return "check the endpoint and that the network lets it through", err
}

// untrusted tells that the store's certificate was not accepted.
func untrusted(err error) bool {
	var bad *tls.CertificateVerificationError
	return errors.As(err, &bad)
}

// errCredentials says that there are no credentials to sign a request with.
var errCredentials = errors.New("no credentials")

// chain marks the error of a credentials provider, which the SDK does not, and
// remembers the credentials, which no message may have in it.
type chain struct {
	aws.CredentialsProvider
	secrets *atomic.Pointer[secret.Set]
}

func (c chain) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if c.CredentialsProvider == nil {
		return aws.Credentials{}, errCredentials
	}
	creds, err := c.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return creds, fmt.Errorf("%w: %w", errCredentials, err)
	}
	c.secrets.Store(secret.New(creds.AccessKeyID, creds.SecretAccessKey, creds.SessionToken))
	return creds, nil
}

// hidden are the credentials of the latest request.
func (s *store) hidden() *secret.Set { return s.secrets.Load() }
