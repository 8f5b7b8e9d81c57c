package rollout

import (
	"context"
	"errors"
	"sync"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
)

// rehearse asks the API server about every object before the first write: a
// misspelt field, a missing right or a conflict in the last service is no
// reason to roll out the ones before it.
func (r *run) rehearse(ctx context.Context) error {
	coming := map[string]bool{}
	for _, obj := range r.Objects {
		switch obj.GetKind() {
		case "Namespace":
			coming[obj.GetName()] = true
		case "CustomResourceDefinition":
			kind, _, _ := unstructured.NestedString(obj.Object, "spec", "names", "kind")
			coming["kind "+kind] = true
		}
	}
	errs := make([]error, len(r.Objects))
	var work sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i, obj := range r.Objects {
		if coming[obj.GetNamespace()] && !r.exists(ctx, obj.GetNamespace()) || coming["kind "+obj.GetKind()] {
			continue // nobody can say before it exists
		}
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if obj.GetKind() == "Deployment" && r.scaled[obj.GetName()] {
				// The autoscaler owns them, and the write will leave them alone.
				obj = obj.DeepCopy()
				unstructured.RemoveNestedField(obj.Object, "spec", "replicas")
			}
			_, errs[i] = r.Cluster.Apply(ctx, obj, kube.ApplyOptions{DryRun: true})
		})
	}
	work.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(errs...)
}

func (r *run) exists(ctx context.Context, namespace string) bool {
	obj := &kube.Object{}
	obj.SetAPIVersion("v1")
	obj.SetKind("Namespace")
	obj.SetName(namespace)
	live, err := r.Cluster.Read(ctx, obj)
	return err == nil && live != nil
}

// autoscaled lists the Deployments whose replicas belong to an autoscaler.
func autoscaled(ctx context.Context, c *kube.Cluster, namespace string) (map[string]bool, error) {
	list, err := kube.List[autoscalingv2.HorizontalPodAutoscaler](ctx, c, kube.Autoscalers, namespace, "", "")
	if err != nil && !kube.NotFound(err) {
		return nil, err
	}
	out := map[string]bool{}
	for _, scaler := range list {
		if scaler.Spec.ScaleTargetRef.Kind == "Deployment" {
			out[scaler.Spec.ScaleTargetRef.Name] = true
		}
	}
	return out, nil
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
