package kube

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// podSpecs are the places where objects of a workload kind keep a pod's spec.
var podSpecs = map[string][]string{
	"Pod":                   {"spec"},
	"Deployment":            {"spec", "template", "spec"},
	"StatefulSet":           {"spec", "template", "spec"},
	"DaemonSet":             {"spec", "template", "spec"},
	"ReplicaSet":            {"spec", "template", "spec"},
	"ReplicationController": {"spec", "template", "spec"},
	"Job":                   {"spec", "template", "spec"},
	"CronJob":               {"spec", "jobTemplate", "spec", "template", "spec"},
}

// Images lists the images that an object's containers run, init containers last.
func Images(obj *Object) []string {
	var out []string
	eachContainer(obj, func(container map[string]any) {
		if image, ok := container["image"].(string); ok {
			out = append(out, image)
		}
	})
	return out
}

// eachContainer visits the containers of a workload, in place.
func eachContainer(obj *Object, visit func(map[string]any)) {
	path, ok := podSpecs[obj.GetKind()]
	if !ok {
		return
	}
	spec, ok, _ := unstructured.NestedFieldNoCopy(obj.Object, path...)
	pod, isMap := spec.(map[string]any)
	if !ok || !isMap {
		return
	}
	for _, list := range []string{"containers", "initContainers"} {
		items, _ := pod[list].([]any)
		for _, item := range items {
			if container, ok := item.(map[string]any); ok {
				visit(container)
			}
		}
	}
}
