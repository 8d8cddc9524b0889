package archive_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gputally/gputally/reporter/archive"
)

func TestPublicationCheck(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		change func(*archive.Publication)
		want   string // "" is no error
	}{
		"a good one":                   {func(*archive.Publication) {}, ""},
		"a period of another zone":     {func(p *archive.Publication) { p.Period = "2026-11_Etc.GMT!1" }, ""},
		"a name with a slash":          {func(p *archive.Publication) { p.Name = "a/b" }, "name"},
		"a name that goes up":          {func(p *archive.Publication) { p.Name = ".." }, "name"},
		"a name that is a hidden file": {func(p *archive.Publication) { p.Name = ".a" }, "name"},
		"no name":                      {func(p *archive.Publication) { p.Name = "" }, "name"},
		"a name that is too long":      {func(p *archive.Publication) { p.Name = strings.Repeat("a", 129) }, "name"},
		"a period with a space":        {func(p *archive.Publication) { p.Period = "2026 11" }, "period"},
		"no period":                    {func(p *archive.Publication) { p.Period = "" }, "period"},
	} {
		p := showback
		c.change(&p)
		err := p.Check()
		var wrong *archive.NameError
		if errors.As(err, &wrong) != (c.want != "") || (err != nil && wrong.Field != c.want) {
			t.Errorf("%s: got %v, want an error of the %q", sentence, err, c.want)
		}
		if _, err := open(newShaky(), start).Publish(t.Context(), roll(t, spec("eu-1"), day(1)), p); (c.want == "") != (err == nil) {
			t.Errorf("%s: published with %v", sentence, err)
		}
	}
	if err := (archive.Publication{}).Check(); strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two problems, got:\n%v", err)
	}
}
