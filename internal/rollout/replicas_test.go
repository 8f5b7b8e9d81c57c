package rollout

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
)

// A number of replicas that somebody else chose is left alone, and one that the
// manifests have taken over is applied: it would be a change in every plan otherwise.
func TestUnitLeaveReplicas(t *testing.T) {
	t.Parallel()
	deployment := func(replicas int64) *kube.Object {
		return &kube.Object{Object: map[string]any{
			"apiVersion": "apps/v1", "kind": "Deployment",
			"metadata": map[string]any{"name": "web", "namespace": "shop"}, "spec": map[string]any{"replicas": replicas},
		}}
	}
	live := deployment(5)
	live.SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: "kubectl", Operation: metav1.ManagedFieldsOperationUpdate, Subresource: "scale",
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`),
	}})
	for name, tt := range map[string]struct {
		said   int64
		scaled bool
		sends  bool
	}{
		"by hand":             {2, false, false},
		"taken over":          {5, false, true},
		"by an autoscaler":    {2, true, false},
		"as it is, by chance": {5, true, false},
	} {
		r := newRun(Options{Namespace: "shop"})
		r.scaled = map[string]bool{"Deployment/web": tt.scaled}
		_, sends, _ := unstructured.NestedInt64(r.leaveReplicas(deployment(tt.said), live).Object, "spec", "replicas")
		if sends != tt.sends {
			t.Errorf("%s: the number is sent: %t", name, sends)
		}
	}
}
