package reporting_test

import (
	"testing"

	"github.com/gputally/gputally/internal/properties"
)

func TestMain(m *testing.M) { properties.Main(m) }
