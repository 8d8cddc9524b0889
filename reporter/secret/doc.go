// Package secret makes texts of others fit to be shown. What a server says goes
// into errors, from there into logs, and onto the status page; a server, or a
// proxy before it, may repeat the credentials that it was sent.
//
// A Set knows the values that must not be shown and finds them in all the forms
// in which they travel: as they are, in a URL, in JSON, in HTML, and in base64, in
// which Basic authentication is sent. What looks like a credential is hidden
// without being known, too: keys of AWS, signatures and tokens in queries,
// Authorization headers, users in URLs. A text that was cut first could hold the
// half of a secret, which nobody finds: it is hidden, then cut.
package secret
