package kube

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Reference is what another object is called in the same namespace, if it has one.
type Reference struct{ Kind, Name string }

// References are what the pods of a workload need to start.
func References(obj *Object) []Reference {
	found := given(obj)
	spec, _, _ := unstructured.NestedFieldNoCopy(obj.Object, podSpecs[obj.GetKind()]...)
	pod, _ := spec.(map[string]any)
	for _, secret := range list(pod, "imagePullSecrets") {
		note(found, "Secret", secret, "name")
	}
	return slices.Collect(maps.Keys(found))
}

// SecretsGiven are the names of the Secrets that the pods of a workload are given,
// and not only pulled with.
func SecretsGiven(obj *Object) (names []string) {
	for r := range given(obj) {
		if r.Kind == "Secret" {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return names
}

func note(found map[Reference]bool, kind string, holder any, field string) {
	m, _ := holder.(map[string]any)
	if name, _ := m[field].(string); name != "" {
		found[Reference{kind, name}] = true
	}
}

// given are all references but those that images are pulled with.
func given(obj *Object) map[Reference]bool {
	found := map[Reference]bool{}
	note := func(kind string, holder any, field string) { note(found, kind, holder, field) }
	visit([]*Object{obj}, configRefs, func(_ string, at map[string]any) { note("ConfigMap", at, "name") })
	visit([]*Object{obj}, secretRefs, func(_ string, at map[string]any) { note("Secret", at, "name") })
	spec, _, _ := unstructured.NestedFieldNoCopy(obj.Object, podSpecs[obj.GetKind()]...)
	pod, _ := spec.(map[string]any)
	note("ServiceAccount", pod, "serviceAccountName")
	note("PriorityClass", pod, "priorityClassName")
	note("RuntimeClass", pod, "runtimeClassName")
	for _, volume := range list(pod, "volumes") {
		v, _ := volume.(map[string]any)
		note("Secret", v["secret"], "secretName")
		note("PersistentVolumeClaim", v["persistentVolumeClaim"], "claimName")
	}
	return found
}

// PodLabels are those of the pods that a workload makes; nil for what is none.
func PodLabels(obj *Object) map[string]string {
	path, ok := podSpecs[obj.GetKind()]
	if !ok {
		return nil
	}
	at := slices.Concat(path[:len(path)-1], []string{"metadata", "labels"})
	labels, _, _ := unstructured.NestedStringMap(obj.Object, at...)
	return labels
}
