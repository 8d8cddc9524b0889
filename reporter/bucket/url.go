package bucket

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// The lengths of a bucket's name at S3, in bytes.
const (
	minName = 3
	maxName = 63
)

var (
	nameLetters = regexp.MustCompile(`^[a-z0-9.-]+$`)
	ipv4        = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$`)
)

// CheckName returns an error unless S3 allows a bucket with this name.
func CheckName(name string) error {
	ends := func(r byte) bool { return r == '.' || r == '-' }
	switch {
	case len(name) < minName || len(name) > maxName:
		return fmt.Errorf("bucket name %q has %d characters: S3 allows %d to %d", name, len(name), minName, maxName)
	case !nameLetters.MatchString(name):
		return fmt.Errorf("bucket name %q: S3 allows lower-case letters, digits, dots and hyphens", name)
	case ends(name[0]) || ends(name[len(name)-1]):
		return fmt.Errorf("bucket name %q must begin and end with a letter or digit", name)
	case strings.Contains(name, ".."):
		return fmt.Errorf("bucket name %q has two dots in a row", name)
	case ipv4.MatchString(name):
		return fmt.Errorf("bucket name %q looks like an IP address", name)
	}
	for _, reserved := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, reserved) {
			return fmt.Errorf("bucket name %q begins with %s, which S3 keeps for itself", name, reserved)
		}
	}
	return nil
}

// CheckURL returns an error if the URL of a bucket has a name or a folder that a
// store would refuse or, worse, read in another way than it is written. The
// scheme is s3 or file; one slash at the end counts for nothing.
func CheckURL(u *url.URL) error {
	folder := strings.TrimSuffix(strings.TrimPrefix(u.Path, "/"), "/")
	if u.Scheme == "s3" {
		if err := CheckName(u.Host); err != nil {
			return err
		}
	}
	switch {
	case strings.Contains(folder, `\`):
		return fmt.Errorf("folder %q has a backslash: separate folders by /", folder)
	case strings.ContainsFunc(folder, unicode.IsControl):
		return fmt.Errorf("folder %q has a control character", folder)
	case u.Path == "" || u.Path == "/":
		return nil
	}
	segments := strings.Split(folder, "/")
	if slices.Contains(segments, "") {
		return fmt.Errorf("folder %q has an empty segment", folder)
	}
	if u.Scheme == "s3" {
		return CheckKey(folder)
	}
	if slices.Contains(segments, ".") || slices.Contains(segments, "..") {
		return errors.New("folder " + u.Path + " has . or .. in it: write where it leads")
	}
	return nil
}
