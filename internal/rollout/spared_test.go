package rollout

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/teei/slipway/internal/kube"
)

// What moved on between reading and deleting is deleted only if it is still the same
// object, and where that counts, as it was.
func TestUnitSpared(t *testing.T) {
	t.Parallel()
	obj := func(uid, version string) *kube.Object {
		out := &kube.Object{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment"}}
		out.SetName("store")
		out.SetUID(types.UID(uid))
		out.SetResourceVersion(version)
		return out
	}
	never := func(*kube.Object) bool { return false }
	for name, tt := range map[string]struct {
		now    *kube.Object
		fits   func(*kube.Object) bool
		spared bool
	}{
		"its status moved on":   {obj("a", "2"), nil, false},
		"made anew by somebody": {obj("b", "2"), nil, true},
		"edited by somebody":    {obj("a", "2"), never, true},
	} {
		var edited *EditedError
		if err := spared(tt.now, obj("a", "1"), tt.fits); errors.As(err, &edited) != tt.spared {
			t.Errorf("%s: %v", name, err)
		}
	}
}
