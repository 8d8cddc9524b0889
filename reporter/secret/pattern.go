package secret

import "regexp"

// patterns find what looks like a credential. The first group is what is kept
// before it. Words that a server says about credentials ("invalid token") are not
// one: a value follows a sign, or is of a form that no word has.
var patterns = []*regexp.Regexp{
	// A header with credentials, with its scheme.
	regexp.MustCompile(`(?i)(authorization["']?\s?[:=]\s?[\["']*)(?:[a-z0-9-]+ )?[^\s"',;<\])}]+`),
	// A scheme with something behind it that is no word.
	regexp.MustCompile(`(?i)(\b(?:bearer|basic) )[a-z0-9._~+/-]*[0-9=._~+/][a-z0-9._~+/=-]*`),
	// Parameters of a query or a form, fields of JSON, and headers.
	regexp.MustCompile(`(?i)(\b[a-z0-9_-]*(?:signature|credential|token|secret|passw(?:or)?d|api-?_?key|access-?_?key(?:-?_?id)?|secret-?_?key)=)[^\s&"'<>,;]+`),
	regexp.MustCompile(`(?i)("[a-z0-9_-]*(?:signature|credential|token|secret|passw(?:or)?d|api-?_?key|access-?_?key(?:-?_?id)?|secret-?_?key)"\s?:\s?")[^"]+`),
	regexp.MustCompile(`(?i)(\b[a-z0-9_]+-[a-z0-9_-]*(?:token|secret|password|key)\s?:\s?)[^\s"'<>,;]+`),
	// Elements of an S3 error that have the request in them.
	regexp.MustCompile(`(?i)(<(?:AWSAccessKeyId|SignatureProvided|StringToSign|StringToSignBytes|CanonicalRequest|CanonicalRequestBytes|Token-0)>)[^<]+`),
	// Key ids of AWS, and JSON web tokens.
	regexp.MustCompile(`()\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b`),
	regexp.MustCompile(`()\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?`),
	// The user of a URL.
	regexp.MustCompile(`([a-z0-9+]://)[^\s/@"'<>]+@`),
}
