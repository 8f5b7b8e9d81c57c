package rollout

import (
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/plan"
)

// Drift names the fields in which an object is not as it was before. Of others'
// annotations, labels, finalizers and fields it says nothing: they write as they
// like, and that is no edit. What counts is what slipway applied, now or before, and
// all that pods are made from.
func Drift(now, before *kube.Object) []string {
	return drift(now, before, kube.ScaledByOthers(now))
}

// drift is Drift where it is known whether the replicas are others'. What slipway
// applied in between counts too, given its state then, unless it is somebody else's now.
func drift(now, before *kube.Object, scaled bool, between ...*kube.Object) []string {
	fields := counted(now, before, between)
	var paths []string
	for _, f := range plan.Fields(compared(before, fields, scaled), compared(now, fields, scaled), nil) {
		paths = append(paths, f.Path)
	}
	return paths
}

// same compares two states of an object as drift does.
func same(now, before *kube.Object, scaled bool, between ...*kube.Object) bool {
	fields := counted(now, before, between)
	return reflect.DeepEqual(compared(now, fields, scaled), compared(before, fields, scaled))
}

func counted(now, before *kube.Object, between []*kube.Object) kube.Fields {
	between = slices.DeleteFunc(slices.Clone(between), func(o *kube.Object) bool { return o == nil }) // it was not there
	return kube.AppliedFields(now, before).And(kube.AppliedFields(between...).Without(kube.OthersFields(now)))
}

// compared is what counts of an object: these fields, and its pod template whole.
func compared(obj *kube.Object, fields kube.Fields, scaled bool) map[string]any {
	out := runtimeCopy(fields.Of(obj))
	// Who may write says nothing about what was written.
	unstructured.RemoveNestedField(out, "metadata", "annotations", kube.FenceAnnotation)
	if scaled {
		unstructured.RemoveNestedField(out, "spec", "replicas")
	}
	if gone, ok, _ := unstructured.NestedString(obj.Object, "metadata", "deletionTimestamp"); ok {
		_ = unstructured.SetNestedField(out, gone, "metadata", "deletionTimestamp")
	}
	path := templatePath(obj.GetKind())
	template, found, _ := unstructured.NestedMap(obj.Object, path...) // a copy
	if path == nil || !found {
		return out
	}
	applied, _, _ := unstructured.NestedMap(out, path...)
	unmark(template, applied)
	_ = unstructured.SetNestedMap(out, template, path...)
	return out
}

func runtimeCopy(of map[string]any) map[string]any {
	return (&unstructured.Unstructured{Object: of}).DeepCopy().Object
}

// templatePath is where a kind keeps what its pods are made from; nil for others.
func templatePath(kind string) []string {
	switch kind {
	case deploymentKind, statefulSetKind, daemonSetKind, jobKind, "ReplicaSet":
		return []string{"spec", "template"}
	case "CronJob":
		return []string{"spec", "jobTemplate", "spec", "template"}
	}
	return nil
}

// unmark takes out of a pod template what only restarts its pods, unless it is applied.
func unmark(template, applied map[string]any) {
	annotations, _, _ := unstructured.NestedMap(template, "metadata", "annotations")
	ours, _, _ := unstructured.NestedMap(applied, "metadata", "annotations")
	for name, value := range annotations {
		if _, own := ours[name]; !own && kube.RestartAnnotation(name, value) {
			unstructured.RemoveNestedField(template, "metadata", "annotations", name)
			delete(annotations, name)
		}
	}
	if len(annotations) == 0 {
		unstructured.RemoveNestedField(template, "metadata", "annotations")
	}
	for _, list := range []string{"containers", "initContainers"} {
		containers, _, _ := unstructured.NestedFieldNoCopy(template, "spec", list)
		all, _ := containers.([]any)
		for _, c := range all {
			if container, ok := c.(map[string]any); ok {
				unmarkVariables(container)
			}
		}
	}
}

func unmarkVariables(container map[string]any) {
	env, _ := container["env"].([]any)
	kept := make([]any, 0, len(env))
	for _, v := range env {
		variable, _ := v.(map[string]any)
		name, _ := variable["name"].(string)
		if !kube.RestartVariable(name) {
			kept = append(kept, v)
		}
	}
	switch {
	case len(kept) == len(env):
	case len(kept) == 0:
		delete(container, "env")
	default:
		container["env"] = kept
	}
}
