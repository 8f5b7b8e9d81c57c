package rollout

import (
	"testing"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
)

// What another platform has by now is not shown as something that would be deleted:
// Undo leaves it.
func TestPreviewLeavesWhatIsAnothers(t *testing.T) {
	role := func(owner string) *kube.Object {
		obj := &kube.Object{Object: map[string]any{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}}
		obj.SetName("reader")
		obj.SetLabels(map[string]string{"app.kubernetes.io/managed-by": kube.Manager})
		obj.SetAnnotations(map[string]string{ownerMark: owner})
		return obj
	}
	r := newRun(Options{Owner: platform.Owner{Platform: "shop", Environment: "staging"}})
	made := Change{Object: role("shop/staging")}
	if u := r.undoing(made, role("shop/staging")); u == nil || u.Action != Delete {
		t.Errorf("ours: %+v", u)
	}
	if u := r.undoing(made, role("blog/staging")); u != nil {
		t.Errorf("another's: %+v", u)
	}
}
