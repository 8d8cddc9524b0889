package nvml_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/nvml"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	for name, tc := range map[string]struct {
		cfg  nvml.Config
		want string // in the error, "" for none
	}{
		"a logger and a clock are enough":   {nvml.Config{Logger: log, Now: time.Now}, ""},
		"a logger is needed":                {nvml.Config{Now: time.Now}, "Logger"},
		"a clock is needed":                 {nvml.Config{Logger: log}, "Now"},
		"nobody waits a negative time long": {nvml.Config{Logger: log, Now: time.Now, CallTimeout: -time.Second}, "CallTimeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := nvml.New(tc.cfg)
			switch {
			case tc.want == "" && err != nil:
				t.Fatal(err)
			case tc.want == "":
				if err := s.Close(); err != nil {
					t.Errorf("close what was never opened: %v", err)
				}
			case err == nil || !strings.Contains(err.Error(), tc.want):
				t.Errorf("got error %v, want one about %s", err, tc.want)
			}
		})
	}
}
