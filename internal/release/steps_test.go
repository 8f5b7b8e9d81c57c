package release

import (
	"slices"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/rollout"
)

// TestStepsAreNoServices: a service cannot be called like a step of ours, whose
// record would be taken for the service's.
func TestStepsAreNoServices(t *testing.T) {
	for _, name := range []string{intentStep, migrateStep, databaseStep, rollbackStep, rollout.Configuration, rollout.TakeBack, plan.MigratorImage} {
		if !strings.Contains(name, " ") && !slices.Contains(platform.Reserved, name) {
			t.Errorf("a service may be called %s", name)
		}
	}
}
