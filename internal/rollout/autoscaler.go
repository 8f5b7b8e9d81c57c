package rollout

import (
	"context"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
)

// autoscaled lists the workloads, as kind/name, whose replicas belong to an autoscaler.
func autoscaled(ctx context.Context, c *kube.Cluster, namespace string) (map[string]bool, error) {
	list, err := kube.List[autoscalingv2.HorizontalPodAutoscaler](ctx, c, kube.Autoscalers, namespace, "", "")
	if err != nil && !kube.NotFound(err) {
		return nil, err
	}
	out := map[string]bool{}
	for _, scaler := range list {
		out[scaler.Spec.ScaleTargetRef.Kind+"/"+scaler.Spec.ScaleTargetRef.Name] = true
	}
	return out, nil
}

// autoscales reports whether an autoscaler owns the object's replicas.
func (r *run) autoscales(obj *kube.Object) bool {
	return obj.GetNamespace() == r.Namespace && r.scaled[obj.GetKind()+"/"+obj.GetName()]
}

// withoutReplicas leaves the number of replicas to the autoscaler. Where we
// set it once and nobody changed it since, leaving it out would remove it, and
// the API server would fill in 1: then the present number is repeated.
func withoutReplicas(obj, live *kube.Object) *kube.Object {
	obj = obj.DeepCopy()
	if live == nil {
		return obj
	}
	unstructured.RemoveNestedField(obj.Object, "spec", "replicas")
	if now, ok, _ := unstructured.NestedInt64(live.Object, "spec", "replicas"); ok && kube.OwnsField(live, "spec", "replicas") {
		_ = unstructured.SetNestedField(obj.Object, now, "spec", "replicas")
	}
	return obj
}
