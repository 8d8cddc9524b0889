package bucket_test

import (
	"errors"
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/bucket"
)

func TestKeysAndPrefixes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text        string
		key, prefix bool // whether it is a valid one
	}{
		"nothing":                       {"", false, true},
		"a name":                        {"a", true, true},
		"a path":                        {"ledger/hourly/cluster=c/date=2026-11-01/hour=00/usage.parquet", true, true},
		"a folder":                      {"ledger/", false, true},
		"any character that is visible": {"a b+%=&?#'\"\\*<>|:;,~ä日🙂", true, true},
		"dots inside":                   {"a..b/c.", true, true},
		"a root":                        {"/", false, false},
		"an absolute path":              {"/a", false, false},
		"an empty segment":              {"a//b", false, false},
		"two slashes at the end":        {"a//", false, false},
		"this folder":                   {"a/./b", false, false},
		"the folder above":              {"a/../b", false, false},
		"the folder above at the end":   {"a/..", false, false},
		"a hidden file":                 {".lock", false, false},
		"a tab":                         {"a\tb", false, false},
		"a control character of C1":     {"a\u0085b", false, false},
		"a broken character":            {"a\xe2\x82", false, false},
		"the longest segment":           {strings.Repeat("x", 255), true, true},
		"a longer segment":              {strings.Repeat("x", 256), false, false},
		"the longest key":               {strings.Repeat("x/", 449) + "xx", true, true},
		"a longer key":                  {strings.Repeat("x/", 449) + "xxx", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "CheckKey", bucket.CheckKey(tt.text), tt.key)
			check(t, "CheckPrefix", bucket.CheckPrefix(tt.text), tt.prefix)
		})
	}
}

func check(t *testing.T, what string, err error, valid bool) {
	t.Helper()
	if valid && err != nil || !valid && !errors.Is(err, bucket.ErrInvalidKey) {
		t.Errorf("%s: %v, valid should be %v", what, err, valid)
	}
}

func TestAKeyStaysInItsFolderAndItsBeginningsAreKeysAndPrefixes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a./\\ ]{0,12}`)).Draw(t, "key")
		if bucket.CheckKey(key) != nil {
			return
		}
		if path.Clean("/base/"+key) != "/base/"+key {
			t.Fatalf("%q is another path than it seems", key)
		}
		for i := range key {
			// A beginning that ends before a character is a prefix, whatever it cuts.
			if beginning := key[:i]; bucket.CheckPrefix(beginning) != nil {
				t.Fatalf("%q begins %q but is no prefix", beginning, key)
			}
		}
	})
}
