package rollout

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/internal/kube"
)

// An object that a release only meant to make, and that somebody else made since, is
// not deleted when it goes back.
func TestUnitMadeByOthers(t *testing.T) {
	t.Parallel()
	const apply, update = metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate
	type fields = metav1.ManagedFieldsEntry
	for name, tt := range map[string]struct {
		label   string
		written []fields
		others  bool
	}{
		"by hand":               {"", []fields{{Manager: "kubectl-create", Operation: update}}, true},
		"by hand, and stamped":  {"", []fields{{Manager: "kubectl-create", Operation: update}, {Manager: kube.Manager, Operation: update}}, true},
		"made, and not applied": {"", []fields{{Manager: kube.Manager + "-make-abc", Operation: update}}, false},
		"applied":               {"", []fields{{Manager: kube.Manager, Operation: apply}}, false},
		"restored from backup":  {kube.Manager, []fields{{Manager: "velero-server", Operation: update}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := &kube.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "web"}}}
			if tt.label != "" {
				live.SetLabels(map[string]string{"app.kubernetes.io/managed-by": tt.label})
			}
			live.SetManagedFields(tt.written)
			c := Change{Object: named(live)}
			if got := madeByOthers(c, live); got != tt.others {
				t.Errorf("made by others: %t", got)
			}
			r := newRun(Options{})
			if u := r.undoing(c, live); (u == nil) != tt.others {
				t.Errorf("the preview is %+v", u)
			}
			if c.Before = live; madeByOthers(c, live) || madeByOthers(Change{Object: named(live)}, nil) {
				t.Error("one that was there before, or is not there, is nobody's making")
			}
		})
	}
	if got := (Left{ID: "Service/shop/web", By: "kubectl-create"}).String(); got != "Service/shop/web, which kubectl-create made" {
		t.Error(got)
	}
}
