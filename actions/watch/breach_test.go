package watch

import (
	"errors"
	"testing"

	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/rollout"
)

// A breach is one, also where the way back is refused, since others own what would go back.
func TestBreachIsNoWrongUse(t *testing.T) {
	opposed := &rollout.NotOursError{Environment: "production", Conflicts: []string{"Deployment/shop/web: kubectl owns .spec"}}
	if why := whyKept(opposed); why != opposed.Error() {
		t.Errorf("it stays since %q", why)
	}
	err := errors.Join(&BreachError{Release: "production #2", Environment: "production"}, &rollout.NotOursError{Environment: "production"})
	if code := action.Code(err); code != action.Failed {
		t.Errorf("exit code %d", code)
	}
}
