package bucket

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of a key in bytes: S3 takes 1,024 for the whole key, which leaves
// room for a prefix, and file systems take 255 for one name.
const (
	maxKey     = 900
	maxSegment = 255
)

// CheckKey returns an ErrInvalidKey unless key can name an object in every
// store: valid UTF-8 without control characters, segments separated by single
// slashes, none of them empty or beginning with a dot (so that "." and ".."
// and the files that stores keep for themselves are out of reach).
func CheckKey(key string) error {
	if key == "" {
		return fmt.Errorf("%w: it is empty", ErrInvalidKey)
	}
	return check(key, strings.Split(key, "/"))
}

// CheckPrefix returns an ErrInvalidKey if no valid key can begin with prefix.
func CheckPrefix(prefix string) error {
	segments := strings.Split(prefix, "/")
	if last := len(segments) - 1; segments[last] == "" {
		segments = segments[:last] // "" and "a/" end where the next segment begins
	}
	return check(prefix, segments)
}

// CheckPut returns the error of a Put with this key and condition, if it has one.
func CheckPut(key string, cond Condition) error {
	if cond.Absent && cond.ETag != "" {
		return fmt.Errorf("%w: an object cannot be absent and have an ETag", ErrInvalidCondition)
	}
	return CheckKey(key)
}

// CheckDelete returns the error of a Delete with this key and condition, if it has one.
func CheckDelete(key string, cond Condition) error {
	if cond.Absent {
		return fmt.Errorf("%w: an absent object cannot be deleted", ErrInvalidCondition)
	}
	return CheckKey(key)
}

func check(key string, segments []string) error {
	switch {
	case len(key) > maxKey:
		return fmt.Errorf("%w: %d bytes, at most %d are possible", ErrInvalidKey, len(key), maxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("%w: %q is not UTF-8", ErrInvalidKey, key)
	case strings.ContainsFunc(key, unicode.IsControl):
		return fmt.Errorf("%w: %q has a control character", ErrInvalidKey, key)
	}
	for _, s := range segments {
		switch {
		case s == "":
			return fmt.Errorf("%w: %q has an empty segment", ErrInvalidKey, key)
		case s[0] == '.':
			return fmt.Errorf("%w: %q has a segment that begins with a dot", ErrInvalidKey, key)
		case len(s) > maxSegment:
			return fmt.Errorf("%w: %q has a segment of %d bytes, at most %d are possible", ErrInvalidKey, key, len(s), maxSegment)
		}
	}
	return nil
}
