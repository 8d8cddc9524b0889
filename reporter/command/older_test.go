package command_test

import (
	"errors"
	"testing"

	"github.com/gputally/gputally/reporter/command"
)

func TestDaysBack(t *testing.T) {
	t.Parallel()
	for _, last := range []int{0, 1, 2, 3, 4, 7, 8, 9, 14, 15, 30, 400, 730} {
		asked := 0
		got, err := command.DaysBack(func(days int) (bool, error) {
			asked++
			return days <= last, nil
		})
		if got != last || err != nil {
			t.Errorf("%d days: found %d, %v", last, got, err)
		}
		if asked > 20 {
			t.Errorf("%d days: asked %d times", last, asked)
		}
	}
	away := errors.New("away")
	got, err := command.DaysBack(func(days int) (bool, error) {
		if days == 4 {
			return false, away
		}
		return true, nil
	})
	if got != 2 || !errors.Is(err, away) {
		t.Errorf("found %d, %v", got, err)
	}
}
