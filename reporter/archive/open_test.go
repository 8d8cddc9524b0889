package archive_test

import (
	"errors"
	"io"
	"testing"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	b := newShaky()
	a := open(b, start)
	done := publish(t, a, roll(t, spec("eu-1"), day(1)), showback)
	r := list(t, a, archive.Query{})[0]
	body, file, err := a.Open(t.Context(), r, "report.csv")
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		t.Fatal(err)
	}
	if string(data) != string(b.content(t, done.CSVKey)) || file != done.Manifest.Files[0] {
		t.Errorf("got %+v with %q", file, data)
	}
	if m, err := a.Manifest(t.Context(), r); err != nil || m.ID != r.ID {
		t.Errorf("the manifest is %+v, %v", m, err)
	}
	if _, _, err := a.Open(t.Context(), r, "report.xlsx"); !errors.Is(err, archive.ErrNotFound) || !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("a file that the report doesn't have: %v", err)
	}
	r.ID = "0000"
	if _, _, err := a.Open(t.Context(), r, "report.csv"); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("a report that is not there: %v", err)
	}
}

func TestOpenNeverGivesOtherBytes(t *testing.T) {
	t.Parallel()
	for sentence, damage := range map[string]func(csv []byte) []byte{
		"a byte that changed": func(csv []byte) []byte { csv[len(csv)/2] ^= 1; return csv },
		"a file cut short":    func(csv []byte) []byte { return csv[1:] },
		"a file that is gone": func([]byte) []byte { return nil },
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			b := newShaky()
			a := open(b, start)
			done := publish(t, a, roll(t, spec("eu-1"), day(1)), showback)
			bad := damage(b.content(t, done.CSVKey))
			err := b.Delete(t.Context(), done.CSVKey, bucket.Condition{})
			if err == nil && bad != nil {
				_, err = bucket.PutBytes(t.Context(), b, done.CSVKey, bad, bucket.Condition{})
			}
			if err != nil {
				t.Fatal(err)
			}
			body, _, err := a.Open(t.Context(), list(t, a, archive.Query{})[0], "report.csv")
			if err == nil {
				_, err = io.ReadAll(body)
				err = errors.Join(err, body.Close())
			}
			if damage := (*archive.DamageError)(nil); !errors.As(err, &damage) || damage.Key != done.CSVKey {
				t.Errorf("got %v, want a *DamageError of %s", err, done.CSVKey)
			}
		})
	}
}
