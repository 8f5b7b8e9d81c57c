package rollout

import (
	"errors"
	"testing"

	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/platform"
)

// An object that is deleted in the middle of a release or a rollback is a failure of
// it, and no wrong use.
func TestUnitBegun(t *testing.T) {
	t.Parallel()
	going := &GoingError{Object: "Service/shop/web", Command: "kubectl wait"}
	failed := &Failure{Service: "web", Reason: "it failed", Command: "kubectl logs"}
	away := &platform.InfrastructureError{Message: "refused"}
	for _, tt := range []struct {
		err  error
		code int
	}{
		{going, action.Usage},
		{begun(going), action.Failed},
		{begun(errors.Join(failed, going)), action.Failed},
		{begun(away), action.Infrastructure},
		{begun(nil), action.OK},
	} {
		if code := action.Code(tt.err); code != tt.code {
			t.Errorf("%v: exit code %d, not %d", tt.err, code, tt.code)
		}
	}
	if err := begun(errors.Join(failed, going)); len(Failures(err)) != 1 || action.Hint(err) == "" || !errors.As(err, new(*GoingError)) {
		t.Errorf("%v", err)
	}
}
