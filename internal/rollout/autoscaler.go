package rollout

import (
	"context"
	"errors"
	"fmt"

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

// scaledByOthers reports whether the replicas of an object are none of ours: an
// autoscaler's, or those of somebody who ran `kubectl scale` since it was applied.
func (r *run) scaledByOthers(live *kube.Object) bool {
	return r.autoscales(live) || kube.ScaledByOthers(live)
}

// leaveReplicas is an object as it can be written over a live one: without a number of
// replicas that is somebody else's. Where an autoscaler came, or somebody scaled,
// between the look and the write, that is no reason to fail.
func (r *run) leaveReplicas(obj, live *kube.Object) *kube.Object {
	if !r.scaledByOthers(live) {
		return obj
	}
	said, wants, _ := unstructured.NestedInt64(obj.Object, "spec", "replicas")
	now, _, _ := unstructured.NestedInt64(live.Object, "spec", "replicas")
	switch {
	case r.autoscales(obj) || !wants:
	case now == said:
		return obj // the manifests follow: to leave it out would be a change in every plan to come
	default:
		r.report(Progress{Service: kube.ID(obj), Phase: Leaving, Detail: fmt.Sprintf("somebody else scaled it to %d meanwhile, and that stays", now)})
	}
	return withoutReplicas(obj, live)
}

// scaledMeanwhile reports whether a write was refused for nothing but the number of
// replicas, which somebody else chose after the object was read.
func scaledMeanwhile(err error) bool {
	var conflict *kube.ConflictError
	if !errors.As(err, &conflict) {
		return false
	}
	for _, c := range conflict.Conflicts {
		if c.Field != ".spec.replicas" {
			return false
		}
	}
	return len(conflict.Conflicts) > 0
}
