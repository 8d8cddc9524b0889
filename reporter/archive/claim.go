package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/checksum"
)

// claim is an object that gives an id to one content, before anything is written
// under that id. Without it, a replica that publishes a CSV file and one that
// publishes a Failed report of other inputs under the same id could leave both: a
// file, and a manifest that doesn't list it.
type claim struct {
	Content string `json:"content"` // digest of the draft
	Version int    `json:"version"`
}

// claim takes the draft's id for its content. It is taken already by the same
// content where another replica is publishing the same table, or a crash cut
// that off. Errors: errTaken if the id belongs to another content.
func (a *Archive) claim(ctx context.Context, d draft) error {
	content, err := d.digest()
	if err != nil {
		return err
	}
	key := claimKey(d.of.Name, d.of.Period, d.manifest.ID)
	data, err := json.Marshal(claim{content, 1})
	if err != nil {
		return fmt.Errorf("claim %s: %w", key, err)
	}
	_, err = bucket.PutBytes(ctx, a.bucket, key, append(data, '\n'), bucket.Condition{Absent: true})
	if err == nil {
		return nil
	}
	if !errors.Is(err, bucket.ErrConflict) {
		return fmt.Errorf("claim %s: %w", key, err)
	}
	data, _, err = bucket.ReadAll(ctx, a.bucket, key)
	if err != nil {
		return fmt.Errorf("claim %s: read what is there: %w", key, err)
	}
	var there claim
	if err := json.Unmarshal(data, &there); err != nil || there.Content != content {
		return errTaken // one that can't be read is somebody's, too
	}
	return nil
}

// digest is the SHA-256 of what the draft's manifest says, but for its id, when
// it was made and what it supersedes.
func (d draft) digest() (string, error) {
	m := d.manifest
	m.ID, m.CreatedAt, m.Supersedes = "", "", ""
	data, err := m.Encode()
	if err != nil {
		return "", err
	}
	return checksum.SHA256(data), nil
}
