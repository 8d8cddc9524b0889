package prom_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/common/config"

	"github.com/gputally/gputally/reporter/prom"
)

// password is in every kind of credentials below.
const password = "hunter2/secret"

// identities are the ways to say who asks.
func identities(t *testing.T) map[string]config.HTTPClientConfig {
	t.Helper()
	file := write(t, "secret", []byte(password+"\n"))
	header := func(h config.Header) config.HTTPClientConfig {
		return config.HTTPClientConfig{HTTPHeaders: &config.Headers{Headers: map[string]config.Header{"X-Vault": h}}}
	}
	return map[string]config.HTTPClientConfig{
		"a bearer token":          {Authorization: &config.Authorization{Type: "Bearer", Credentials: password}},
		"a bearer token's file":   {Authorization: &config.Authorization{Type: "Bearer", CredentialsFile: file}},
		"a password":              {BasicAuth: &config.BasicAuth{Username: "reader", Password: password}},
		"a password's file":       {BasicAuth: &config.BasicAuth{Username: "reader", PasswordFile: file}},
		"a header":                header(config.Header{Values: []string{password}}),
		"a header that is secret": header(config.Header{Secrets: []config.Secret{password}}),
		"a header's file":         header(config.Header{Files: []string{file}}),
		"a user in the URL":       {},
	}
}

// as returns the URL with a user, if nothing else says who asks.
func as(t *testing.T, at string, cfg config.HTTPClientConfig) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Authorization == nil && cfg.BasicAuth == nil && cfg.HTTPHeaders == nil {
		u.User = url.UserPassword("reader", password)
	}
	return u.String()
}

// repeated is what a request had in it, as servers and proxies repeat it.
func repeated(r *http.Request) string {
	text := fmt.Sprintf("bad headers \x1b[31m %v\r\n", r.Header)
	for _, value := range []string{r.Header.Get("Authorization"), r.Header.Get("X-Vault")} {
		text += "<" + value + "> " + url.QueryEscape(value) + " "
	}
	if _, plain, ok := r.BasicAuth(); ok {
		text += plain
	}
	return text
}

func TestWhatAServerRepeatsOfItsRequestIsNotShown(t *testing.T) {
	t.Parallel()
	asJSON := func(key, text string) string {
		data, err := json.Marshal(map[string]any{"status": "error", key: text, "warnings": []string{text}})
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
	answers := map[string]struct {
		road   string
		answer func(http.ResponseWriter, *http.Request)
	}{
		"a refusal": {"remote_read", func(w http.ResponseWriter, r *http.Request) { http.Error(w, repeated(r), http.StatusUnauthorized) }},
		"a long refusal": {"remote_read", func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, strings.Repeat("x", 243)+repeated(r)+strings.Repeat("y", 9000)+repeated(r), http.StatusBadRequest)
		}},
		"a refusal in JSON": {"json", func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, asJSON("error", repeated(r)), http.StatusForbidden)
		}},
		"an error in JSON": {"json", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, asJSON("error", repeated(r)))
		}},
		"a warning": {"json", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, strings.Replace(asJSON("x", repeated(r)), `"error"`, `"success","data":{"resultType":"matrix","result":[]}`, 1))
		}},
		"an error in the stream": {"remote_read", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", streamType)
			fmt.Fprint(w, strings.ReplaceAll(repeated(r), "\x1b", ""))
		}},
		"a content type": {"export", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", `text/"`+r.Header.Get("Authorization")+r.Header.Get("X-Vault"))
		}},
		"a redirect": {"export", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://"+url.PathEscape(password)+"@other.example/"+password)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}},
	}
	for who, cfg := range identities(t) {
		cfg.FollowRedirects = true
		for name, tc := range answers {
			t.Run(name+" with "+who, func(t *testing.T) {
				t.Parallel()
				_, err := collect(t, client(t, prom.Config{
					URL: as(t, serve(t, tc.answer), cfg), Road: tc.road, HTTP: cfg, Retry: prom.Retry{Tries: 1},
				}), between(0, 1))
				if err == nil {
					t.Fatal("no error")
				}
				for _, hidden := range []string{
					"hunter2", base64.RawStdEncoding.EncodeToString([]byte("reader:" + password)), "\x1b", "\\x1b", "\n",
				} {
					if text := err.Error(); strings.Contains(text, hidden) || len(text) > 1500 {
						t.Errorf("the error has %q: %s", hidden, text)
					}
				}
			})
		}
	}
}

func TestCredentialsGoToNoOtherHost(t *testing.T) {
	t.Parallel()
	for who, cfg := range identities(t) {
		cfg.FollowRedirects = true
		for road, answer := range answers(t) {
			t.Run(who+" by "+road, func(t *testing.T) {
				t.Parallel()
				other := serve(t, func(w http.ResponseWriter, r *http.Request) {
					t.Errorf("the other host was asked with %v", r.Header)
					answer(w, r)
				})
				first := serve(t, func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, other+r.URL.Path, http.StatusTemporaryRedirect)
				})
				_, err := collect(t, client(t, prom.Config{URL: as(t, first, cfg), Road: road, HTTP: cfg}), between(0, 100))
				if err == nil || !strings.Contains(err.Error(), "redirects elsewhere, to "+other+", which is not followed") {
					t.Errorf("error %v", err)
				}
			})
		}
	}
}

// A redirect that turns a POST into a GET asks another question, whose answer says
// nothing of where the server is.
func TestARedirectThatLosesTheQuestionIsNamed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ to, shown string }{
		"to another host": {"http://other.example/prom/api/v1/read", "http://other.example/prom"},
		"to TLS":          {"https://other.example/api/v1/read?query=up", "https://other.example"},
		"to a login page": {"https://login.example/in?back=%2Fapi%2Fv1%2Fread", "https://login.example"},
	} {
		for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther} {
			t.Run(fmt.Sprint(name, " with ", status), func(t *testing.T) {
				t.Parallel()
				first := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if r.Method != http.MethodPost {
						t.Errorf("it asks with %s", r.Method)
					}
					http.Redirect(w, r, tc.to, status)
				})
				_, err := collect(t, client(t, prom.Config{
					URL: first, Road: "remote_read", HTTP: config.HTTPClientConfig{FollowRedirects: true},
				}), between(0, 100))
				if err == nil || !strings.Contains(err.Error(), "redirects elsewhere, to "+tc.shown+", which is not followed") {
					t.Errorf("error %v", err)
				}
			})
		}
	}
}

func TestARedirectIsFollowedWhereNothingIsGivenAway(t *testing.T) {
	t.Parallel()
	for road, answer := range answers(t) {
		for name, tc := range map[string]struct {
			cfg   config.HTTPClientConfig
			other bool
		}{
			"to another host without credentials": {config.HTTPClientConfig{FollowRedirects: true}, true},
			"within the host with credentials": {config.HTTPClientConfig{
				FollowRedirects: true, BasicAuth: &config.BasicAuth{Username: "reader", Password: password},
			}, false},
		} {
			t.Run(name+" by "+road, func(t *testing.T) {
				t.Parallel()
				at := ""
				if tc.other {
					at = serve(t, answer)
				}
				first := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if strings.HasPrefix(r.URL.Path, "/moved") {
						answer(w, r)
						return
					}
					http.Redirect(w, r, at+"/moved"+r.URL.Path, http.StatusTemporaryRedirect)
				})
				got, err := collect(t, client(t, prom.Config{URL: first, Road: road, HTTP: tc.cfg}), between(0, 100))
				if err != nil || len(got) != 3 {
					t.Errorf("%d series, %v", len(got), err)
				}
			})
		}
	}
}
