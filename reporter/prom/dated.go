package prom

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gputally/gputally/reporter/requestlog"
)

// dated passes on when answers were made, by the clock of the server. A cache on the
// way says how old its answer is.
func dated(hears func(at time.Time), send requestlog.Send) requestlog.Send {
	if hears == nil {
		return send
	}
	return func(r *http.Request) (*http.Response, error) {
		resp, err := send(r)
		if err != nil {
			return resp, err
		}
		if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			age, _ := strconv.Atoi(resp.Header.Get("Age")) // 0 if there is none
			hears(at.Add(time.Duration(age) * time.Second))
		}
		return resp, nil
	}
}
