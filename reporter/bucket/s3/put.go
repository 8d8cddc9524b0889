package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/gputally/gputally/reporter/bucket"
)

const (
	// partSize is the size of all parts but the last, and the size up to
	// which an object is put in one request. One part is held in memory.
	partSize = 16 << 20
	maxParts = 10_000 // S3's limit
	// How long it may take to remove the parts of an upload that failed, and of one
	// that was interrupted, for whose end somebody waits.
	abortTimeout     = 15 * time.Second
	abortInterrupted = 300 * time.Millisecond
	// tokenName is the metadata that tells which Put made an object.
	tokenName = "gputally-put"
)

// write is one Put under way.
type write struct {
	*store
	key   string
	cond  condition
	token string // random; see the package's comment
}

// Put stores an object.
func (s *store) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	if err := bucket.CheckPut(key, cond); err != nil {
		return bucket.Object{}, err
	}
	w := write{store: s, key: key, cond: condition(cond), token: rand.Text()}
	put := w.whole
	if size > partSize {
		put = w.inParts
	}
	etag, err := put(ctx, body, size)
	if err == nil && aws.ToString(etag) == "" {
		err = errors.New("the answer has no ETag")
	}
	if err != nil {
		etag, err = w.settle(ctx, err)
	}
	if err != nil {
		return bucket.Object{}, s.failed(ctx, opPut, key, err)
	}
	return bucket.Object{Key: key, Size: size, ETag: *etag}, nil
}

// whole puts the object in one request.
func (w write) whole(ctx context.Context, body io.Reader, size int64) (*string, error) {
	data, err := read(body, size)
	if err == nil {
		err = wantEnd(body, size)
	}
	if err != nil {
		return nil, err
	}
	ifNoneMatch, ifMatch := w.cond.headers()
	out, err := w.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &w.name, Key: &w.key, Body: bytes.NewReader(data), ContentLength: &size,
		ChecksumCRC32: checksum(data), Metadata: map[string]string{tokenName: w.token},
		ServerSideEncryption: w.sse, SSEKMSKeyId: w.kmsKey,
		IfNoneMatch: ifNoneMatch, IfMatch: ifMatch,
	})
	if err != nil {
		return nil, err
	}
	return out.ETag, nil
}

// inParts uploads the parts one after the other and completes the upload under
// the condition.
func (w write) inParts(ctx context.Context, body io.Reader, size int64) (_ *string, err error) {
	if most := int64(partSize) * maxParts; size > most {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are possible", bucket.ErrSize, size, most)
	}
	upload, err := w.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &w.name, Key: &w.key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		Metadata:             map[string]string{tokenName: w.token},
		ServerSideEncryption: w.sse, SSEKMSKeyId: w.kmsKey,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.abort(ctx, upload.UploadId)
		}
	}()
	var parts []types.CompletedPart
	for left := size; left > 0; left -= partSize {
		part, err := w.part(ctx, upload.UploadId, len(parts)+1, body, min(left, partSize))
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	if err := wantEnd(body, size); err != nil {
		return nil, err
	}
	ifNoneMatch, ifMatch := w.cond.headers()
	out, err := w.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &w.name, Key: &w.key, UploadId: upload.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		IfNoneMatch:     ifNoneMatch, IfMatch: ifMatch,
	})
	if err != nil {
		return nil, err
	}
	return out.ETag, nil
}

// part uploads the next size bytes of body.
func (w write) part(ctx context.Context, upload *string, number int, body io.Reader, size int64) (types.CompletedPart, error) {
	data, err := read(body, size)
	if err != nil {
		return types.CompletedPart{}, err
	}
	n, sum := aws.Int32(int32(number)), checksum(data)
	out, err := w.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &w.name, Key: &w.key, UploadId: upload, PartNumber: n,
		Body: bytes.NewReader(data), ContentLength: &size, ChecksumCRC32: sum,
	})
	if err != nil {
		return types.CompletedPart{}, err
	}
	return types.CompletedPart{PartNumber: n, ETag: out.ETag, ChecksumCRC32: sum}, nil
}

// abort frees the parts of an upload, also when the context has ended. If that
// fails too, the bucket's lifecycle rule does it.
func (w write) abort(ctx context.Context, upload *string) {
	limit := abortTimeout
	if ctx.Err() != nil {
		limit = abortInterrupted
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	_, _ = w.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &w.name, Key: &w.key, UploadId: upload})
}

// settle decides what an error of the final request means. An earlier try of
// it may have stored the object, and then this Put succeeded.
func (w write) settle(ctx context.Context, err error) (*string, error) {
	if !refused(err) && code(err) != codeNoSuchUpload {
		return nil, err
	}
	there, headErr := w.head(ctx, w.key)
	switch {
	case headErr == nil && there != nil && there.Metadata[tokenName] == w.token && there.ETag != nil:
		return there.ETag, nil
	case failedCondition(err), headErr == nil && !w.cond.holds(there):
		return nil, w.conflict(opPut, w.key, err)
	}
	return nil, err
}

// condition is that of a Put.
type condition bucket.Condition

// headers are the condition as If-None-Match and If-Match.
func (c condition) headers() (ifNoneMatch, ifMatch *string) {
	if c.Absent {
		return aws.String("*"), nil
	}
	if c.ETag != "" {
		return nil, aws.String(c.ETag)
	}
	return nil, nil
}

// holds tells whether the condition is true of the object there, nil for none.
func (c condition) holds(there *s3.HeadObjectOutput) bool {
	switch {
	case c.Absent:
		return there == nil
	case c.ETag != "":
		return there != nil && aws.ToString(there.ETag) == c.ETag
	}
	return true
}

// read reads the next size bytes.
func read(body io.Reader, size int64) ([]byte, error) {
	data := make([]byte, size)
	n, err := io.ReadFull(body, data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%w: it ended %d bytes early", bucket.ErrSize, size-int64(n))
	}
	return data, err
}

// wantEnd makes sure that body has no more bytes.
func wantEnd(body io.Reader, size int64) error {
	n, err := io.ReadFull(body, make([]byte, 1))
	if n > 0 {
		return fmt.Errorf("%w: there are more than %d bytes", bucket.ErrSize, size)
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// checksum is the CRC32 as S3 writes it.
func checksum(data []byte) *string {
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data))
	return aws.String(base64.StdEncoding.EncodeToString(sum))
}
