package bucket_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gputally/gputally/reporter/bucket"
)

func TestURLsOfBuckets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{ // "" is right
		"s3://reports":                           "",
		"s3://reports/":                          "",
		"s3://reports/prod/eu":                   "",
		"s3://reports/prod/":                     "",
		"s3://reports/a%20folder":                "",
		"s3://gpu.reports-1":                     "",
		"s3://1.2.3.4.5":                         "",
		"s3://" + strings.Repeat("a", 63):        "",
		"s3://books-abc123-s3alias":              "",
		"file:///var/lib/gputally":               "",
		"file:///var/lib/gputally/":              "",
		"file:///home/a/.gputally":               "",
		"file:///a..b/c":                         "",
		"file:///":                               "",
		"s3://ab":                                "S3 allows 3 to 63",
		"s3://" + strings.Repeat("a", 64):        "S3 allows 3 to 63",
		"s3://B_upper":                           "lower-case letters",
		"s3://Upper":                             "lower-case letters",
		"s3://under_score":                       "lower-case letters",
		"s3://b%C3%BCcher":                       "lower-case letters",
		"s3://[fe80::1]":                         "lower-case letters",
		"s3://-books":                            "begin and end with",
		"s3://books-":                            "begin and end with",
		"s3://books.":                            "begin and end with",
		"s3://.books":                            "begin and end with",
		"s3://bo..oks":                           "two dots",
		"s3://192.168.0.1":                       "IP address",
		"s3://999.1.1.1":                         "IP address",
		"s3://xn--books":                         "keeps for itself",
		"s3://sthree-books":                      "keeps for itself",
		"s3://amzn-s3-demo-books":                "keeps for itself",
		"s3://books/../x":                        "begins with a dot",
		"s3://books/x/..":                        "begins with a dot",
		"s3://books/./x":                         "begins with a dot",
		"s3://books/%2e%2e/x":                    "begins with a dot",
		"s3://books//x":                          "empty segment",
		"s3://books/x//":                         "empty segment",
		"s3://books//":                           "empty segment",
		`s3://books/a\b`:                         "backslash",
		"s3://books/a%5Cb":                       "backslash",
		"s3://books/a%0Ab":                       "control character",
		"s3://books/a%7Fb":                       "control character",
		"s3://books/a%FFb":                       "UTF-8",
		"s3://books/" + strings.Repeat("a", 300): "at most 255",
		"file:///var/../etc":                     "has . or ..",
		"file:///var/.":                          "has . or ..",
		"file:///var/%2E%2E":                     "has . or ..",
		"file:///var//lib":                       "empty segment",
		"file:////var":                           "empty segment",
		"file:///var/a%00":                       "control character",
		`file:///var\lib`:                        "backslash",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := bucket.CheckURL(u); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
