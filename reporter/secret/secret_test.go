package secret_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gputally/gputally/reporter/secret"
)

func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	s := secret.New("hunter2 & more", "reader:hunter2 & more", "kEy/+9==", " padded-secret\n", "abc", "")
	for name, tt := range map[string]struct{ text, want string }{
		"as it is":                       {"wrong password hunter2 & more!", "wrong password <hidden>!"},
		"in a query":                     {"GET /?x=hunter2+%26+more&y=1", "GET /?x=<hidden>&y=1"},
		"in a path":                      {"/hunter2%20&%20more/x", "/<hidden>/x"},
		"in HTML":                        {"<b>hunter2 &amp; more</b>", "<b><hidden></b>"},
		"in JSON":                        {`{"x":"hunter2 \u0026 more"}`, `{"x":"<hidden>"}`},
		"in base64":                      {"got cmVhZGVyOmh1bnRlcjIgJiBtb3Jl", "got <hidden>"},
		"in base64 with its end":         {"got aHVudGVyMiAmIG1vcmU=", "got <hidden>="},
		"with signs":                     {"x kEy/+9== y kEy%2F%2B9%3D%3D", "x <hidden> y <hidden>"},
		"written with space around":      {"got padded-secret.", "got <hidden>."},
		"too short to be told":           {"abc is a word", "abc is a word"},
		"a header":                       {"Authorization: Bearer s3cr3t-value", "Authorization: <hidden>"},
		"a header of Go":                 {"map[Authorization:[Basic dXNlcjpwYXNz] Host:[x]]", "map[Authorization:[<hidden>] Host:[x]]"},
		"a header in JSON":               {`{"authorization":"Token abcdef","x":1}`, `{"authorization":"<hidden>","x":1}`},
		"a header of a proxy":            {"Proxy-Authorization=Basic YWJjZDpl", "Proxy-Authorization=<hidden>"},
		"a scheme alone":                 {"sent Bearer abc123def", "sent Bearer <hidden>"},
		"another header":                 {"X-Vault-Token: s.abcdef is invalid", "X-Vault-Token: <hidden> is invalid"},
		"a key id":                       {"key AKIAIOSFODNN7EXAMPLE is unknown", "key <hidden> is unknown"},
		"a presigned query":              {"/b/k?X-Amz-Credential=A%2F1&X-Amz-Date=1&X-Amz-Security-Token=T%2B&X-Amz-Signature=0af", "/b/k?X-Amz-Credential=<hidden>&X-Amz-Date=1&X-Amz-Security-Token=<hidden>&X-Amz-Signature=<hidden>"},
		"a presigned query of version 2": {"?AWSAccessKeyId=A1&Signature=x%3D", "?AWSAccessKeyId=<hidden>&Signature=<hidden>"},
		"a form":                         {"client_secret=x&password=y z", "client_secret=<hidden>&password=<hidden> z"},
		"an error of S3":                 {"<Error><AWSAccessKeyId>A1</AWSAccessKeyId><StringToSign>GET x</StringToSign></Error>", "<Error><AWSAccessKeyId><hidden></AWSAccessKeyId><StringToSign><hidden></StringToSign></Error>"},
		"the user of a URL":              {"proxy http://user:pw@proxy:3128 failed", "proxy http://<hidden>proxy:3128 failed"},
		"a JSON web token":               {"got eyJhbGciOiJI.eyJzdWIi.abc", "got <hidden>"},
		"words about credentials":        {"basic authentication failed: invalid token, missing authorization", "basic authentication failed: invalid token, missing authorization"},
		"an error of PromQL":             {`1:5: parse error: unexpected token: "}"`, `1:5: parse error: unexpected token: "}"`},
		"a limit":                        {"exceeded sample limit (50000000)", "exceeded sample limit (50000000)"},
		"control characters":             {"a\x1b[31mb\r\nc\x00d\u202ee", "a [31mb c d e"},
		"a secret over two lines":        {"hunter2 &\n more", "<hidden>"},
		"no text":                        {"\xff\xfe", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := s.Line(tt.text); got != tt.want {
				t.Errorf("got\n%q, want\n%q", got, tt.want)
			}
		})
	}
}

func TestALongTextIsShownFromBothEndsAndHasNoPartOfASecret(t *testing.T) {
	t.Parallel()
	const value = "a-secret-of-some-length"
	for shift := range 600 {
		got := secret.New(value).Line(strings.Repeat("x", shift) + value + strings.Repeat("y", 2000) + value + strings.Repeat("z", shift))
		if strings.Contains(got, "secret") || strings.Contains(got, "length") || len(got) > 600 {
			t.Fatalf("shift %d: %s", shift, got)
		}
	}
}

func TestAnErrorKeepsItsCause(t *testing.T) {
	t.Parallel()
	s := secret.New("first").With("hunter2")
	err := s.Error(fmt.Errorf("first hunter2: %w", io.EOF))
	if !errors.Is(err, io.EOF) || err.Error() != "<hidden> <hidden>: EOF" {
		t.Errorf("error %v", err)
	}
	if plain := s.Error(io.EOF); plain != io.EOF { //nolint:errorlint // the same, not one that wraps it
		t.Errorf("error %v", plain)
	}
	if s.Error(nil) != nil {
		t.Error("an error of nothing")
	}
	var none *secret.Set
	if got := none.With("hunter2").Line("hunter2"); got != "<hidden>" {
		t.Error(got)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, s); strings.Contains(text, "hunter2") {
			t.Errorf("%s shows %s", format, text)
		}
	}
}
