package prom

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/prometheus/common/config"
)

// credentials are what the configuration says that nobody else may see. Those in
// files are known once they were sent: see sent.
func credentials(base *url.URL, cfg config.HTTPClientConfig) []string {
	all := append(ofUser(base), ofUser(cfg.ProxyURL.URL)...)
	all = append(all, string(cfg.BearerToken), string(cfg.TLSConfig.Key))
	if a := cfg.Authorization; a != nil {
		all = append(all, string(a.Credentials))
	}
	if b := cfg.BasicAuth; b != nil {
		all = append(all, string(b.Password), b.Username+":"+string(b.Password))
	}
	if o := cfg.OAuth2; o != nil {
		all = append(all, string(o.ClientSecret))
	}
	if h := cfg.HTTPHeaders; h != nil {
		for _, header := range h.Headers {
			for _, value := range header.Secrets {
				all = append(all, string(value))
			}
		}
	}
	for _, values := range cfg.ProxyConnectHeader {
		for _, value := range values {
			all = append(all, string(value))
		}
	}
	return slices.DeleteFunc(all, func(value string) bool { return value == "" || value == ":" })
}

func ofUser(u *url.URL) []string {
	if u == nil || u.User == nil {
		return nil
	}
	password, _ := u.User.Password()
	return []string{password, u.User.Username() + ":" + password}
}

// identify reports whether a request with this configuration has more than the
// question in it: then it goes to the host that was configured, and to no other.
func identify(base *url.URL, cfg config.HTTPClientConfig) bool {
	return base.User != nil || cfg.BearerToken != "" || cfg.BearerTokenFile != "" || cfg.Authorization != nil ||
		cfg.BasicAuth != nil || cfg.OAuth2 != nil || cfg.HTTPHeaders != nil && len(cfg.HTTPHeaders.Headers) > 0
}

// open are the headers of our requests that are no secret. A tenant is the name
// of somebody, and in many a message.
func open() []string {
	return []string{
		"Accept", "Accept-Encoding", "Content-Encoding", "Content-Length", "Content-Type", "User-Agent",
		"X-Prometheus-Remote-Read-Version", "X-Scope-Orgid",
	}
}

// sent are the secrets of a request as it was sent, with those that come from
// files and from servers of tokens.
func sent(r *http.Request) (all []string) {
	if r == nil {
		return nil
	}
	for name, values := range r.Header {
		if slices.Contains(open(), name) {
			continue
		}
		for _, value := range values {
			all = append(all, value)
			scheme, rest, found := strings.Cut(value, " ")
			if !found {
				continue
			}
			all = append(all, strings.TrimSpace(rest))
			if plain, err := base64.StdEncoding.DecodeString(rest); err == nil && strings.EqualFold(scheme, "basic") {
				_, password, _ := strings.Cut(string(plain), ":")
				all = append(all, string(plain), password)
			}
		}
	}
	return all
}

// shown makes what an answer says fit to be shown. It may hold anything, also
// what the request had in it.
func (s *server) shown(e *Error, resp *http.Response) {
	hidden := s.hidden
	if resp != nil {
		hidden = hidden.With(sent(resp.Request)...)
	}
	e.Message = hidden.Line(e.Message)
	e.Err = hidden.Error(e.Err)
}

// mostRedirects is how many redirects are followed.
const mostRedirects = 10

// redirects says which redirects are followed: those that ask the same question, which
// a POST that becomes a GET (301, 302, 303) is not; of requests that say who asks, those
// to the same host.
func redirects(identified bool) func(*http.Request, []*http.Request) error {
	return func(r *http.Request, via []*http.Request) error {
		if len(via) >= mostRedirects || r.Method != via[0].Method || identified && !sameHost(via[0].URL, r.URL) {
			return http.ErrUseLastResponse
		}
		return nil
	}
}

// sameHost tells whether a redirect stays within the host that was asked, and does not
// leave TLS.
func sameHost(from, to *url.URL) bool {
	same := to.Scheme == from.Scheme && strings.EqualFold(to.Host, from.Host)
	upgraded := from.Scheme == "http" && to.Scheme == "https" && from.Port() == "" && to.Port() == "" && strings.EqualFold(to.Hostname(), from.Hostname())
	return same || upgraded
}

// elsewhere says where a redirect that was not followed leads, without what may
// be secret in it.
func elsewhere(resp *http.Response) error {
	to, err := resp.Location()
	if err != nil {
		return errors.New("redirects elsewhere")
	}
	base, _, found := strings.Cut(to.Path, "/api/v1")
	if !found {
		base = ""
	}
	return fmt.Errorf("redirects elsewhere, to %s://%s%s, which is not followed: make that the URL if it is the server", to.Scheme, to.Host, base)
}
