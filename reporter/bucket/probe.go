package bucket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// How long it may take to remove the scratch objects. Once the probe's own context
// has ended somebody waits for its end.
const (
	cleanupTimeout     = 30 * time.Second
	cleanupInterrupted = 300 * time.Millisecond
)

// Finding says whether a store keeps one promise of the contract.
type Finding struct {
	Name string // "create if absent"
	Err  error  // nil if the promise was kept
}

// ErrNotTried says that nothing is known of a promise.
var ErrNotTried = errors.New("not tried")

// Findings are the promises in the order in which Probe tried them.
type Findings []Finding

// Err returns what Probe found wrong, nil if everything held.
func (fs Findings) Err() error {
	var errs []error
	for _, f := range fs {
		if f.Err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Name, f.Err))
		}
	}
	return errors.Join(errs...)
}

// Probe tries on scratch objects below prefix whether the store keeps the
// promises that everything else is built on, and removes the objects again.
// Stores exist that answer a condition they don't know with success; they lose
// updates silently as soon as there are two writers.
//
// The findings always have the same names in the same order. After one that
// leaves nothing to build on, the rest was not tried and says so.
func Probe(ctx context.Context, b Bucket, prefix string) Findings {
	p := &probe{ctx: ctx, bucket: b, key: prefix + "probe-" + rand.Text()}
	defer p.cleanUp()
	steps := []struct {
		name string
		try  func() error
	}{
		{"write", p.write},
		{"read after write", p.read},
		{"list after write", p.list},
		{"create if absent", p.create},
		{"replace if unchanged", p.replace},
		{"replace only what exists", p.replaceMissing},
		{"delete if unchanged", p.deleteChanged},
		{"delete", p.delete},
	}
	findings := make(Findings, 0, len(steps))
	var broken error
	for _, s := range steps {
		err := broken
		if err == nil {
			err = s.try()
		}
		if broken == nil && err != nil && !errors.As(err, new(brokenPromise)) {
			broken = fmt.Errorf("%w, because %q failed", ErrNotTried, s.name)
		}
		findings = append(findings, Finding{Name: s.name, Err: err})
	}
	return findings
}

// brokenPromise is a store that answers, but not as the contract says.
type brokenPromise string

func (b brokenPromise) Error() string { return string(b) }

// probe is one run of Probe. content and etag are what the object at key has.
type probe struct {
	ctx     context.Context
	bucket  Bucket
	key     string
	content string
	etag    string
	stale   string // an ETag that the object had before
}

func (p *probe) missing() string { return p.key + "-missing" }

func (p *probe) put(key string, cond Condition) (string, Object, error) {
	content := "gputally probe " + rand.Text() + "\n"
	obj, err := PutBytes(p.ctx, p.bucket, key, []byte(content), cond)
	return content, obj, err
}

func (p *probe) write() error {
	content, obj, err := p.put(p.key, Condition{})
	if err != nil {
		return err
	}
	p.content, p.etag = content, obj.ETag
	return nil
}

func (p *probe) read() error {
	data, obj, err := ReadAll(p.ctx, p.bucket, p.key)
	switch {
	case err != nil:
		return err
	case string(data) != p.content:
		return brokenPromise("an object just written reads differently")
	case obj.ETag == "" || obj.ETag != p.etag:
		return brokenPromise(fmt.Sprintf("the ETag read is %q, the ETag written %q", obj.ETag, p.etag))
	}
	return nil
}

func (p *probe) list() error {
	for obj, err := range p.bucket.List(p.ctx, p.key) {
		if err != nil {
			return err
		}
		if obj.Key == p.key {
			return nil
		}
	}
	return brokenPromise("an object just written is not listed")
}

// refused checks that an operation met a conflict and left the object alone.
func (p *probe) refused(err error) error {
	if err == nil {
		return brokenPromise("the store ignores the condition: use one writer only, or another store")
	}
	if !errors.Is(err, ErrConflict) {
		return err
	}
	return p.read()
}

func (p *probe) create() error {
	_, _, err := p.put(p.key, Condition{Absent: true})
	if err := p.refused(err); err != nil {
		return err
	}
	_, _, err = p.put(p.missing(), Condition{Absent: true})
	if errors.Is(err, ErrConflict) {
		return brokenPromise("the store refuses to create an object that is absent")
	}
	if err != nil {
		return err
	}
	return p.bucket.Delete(p.ctx, p.missing(), Condition{})
}

func (p *probe) replace() error {
	stale := p.etag
	if err := p.write(); err != nil { // also repairs what an ignored condition overwrote
		return err
	}
	p.stale = stale
	_, _, err := p.put(p.key, Condition{ETag: p.stale})
	if err := p.refused(err); err != nil {
		return err
	}
	content, obj, err := p.put(p.key, Condition{ETag: p.etag})
	if errors.Is(err, ErrConflict) {
		return brokenPromise("the store refuses to replace an object that is unchanged")
	}
	if err != nil {
		return err
	}
	p.content, p.etag = content, obj.ETag
	return p.read()
}

func (p *probe) replaceMissing() error {
	_, _, err := p.put(p.missing(), Condition{ETag: p.etag})
	if err == nil {
		return brokenPromise("the store creates an object under the condition that it exists")
	}
	if !errors.Is(err, ErrConflict) {
		return err
	}
	return nil
}

func (p *probe) deleteChanged() error {
	if err := p.write(); err != nil {
		return err
	}
	if err := p.refused(p.bucket.Delete(p.ctx, p.key, Condition{ETag: p.stale})); err != nil {
		return err
	}
	err := p.bucket.Delete(p.ctx, p.key, Condition{ETag: p.etag})
	if errors.Is(err, ErrConflict) {
		return brokenPromise("the store refuses to delete an object that is unchanged")
	}
	return err
}

func (p *probe) delete() error {
	if err := p.bucket.Delete(p.ctx, p.key, Condition{}); err != nil {
		return err
	}
	r, _, err := p.bucket.Get(p.ctx, p.key)
	if err == nil {
		_ = r.Close() // nothing was read
		return brokenPromise("an object just deleted is still there")
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// cleanUp removes what a step that failed left behind. Its own failure says
// nothing new: delete was one of the steps.
func (p *probe) cleanUp() {
	if p.etag == "" {
		return // nothing was written; don't wait for a store that does not answer
	}
	limit := cleanupTimeout
	if p.ctx.Err() != nil {
		limit = cleanupInterrupted
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), limit)
	defer cancel()
	for _, key := range []string{p.key, p.missing()} {
		_ = p.bucket.Delete(ctx, key, Condition{})
	}
}
