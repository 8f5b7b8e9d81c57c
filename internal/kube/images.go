package kube

import (
	"encoding/base64"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

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

// podOfWorkload is the spec of the pods that a workload makes.
func podOfWorkload(obj *Object) (*corev1.PodSpec, error) {
	spec, found, err := unstructured.NestedMap(obj.Object, podSpecs[obj.GetKind()]...)
	if err != nil || !found {
		return nil, fmt.Errorf("%s makes no pods", ID(obj))
	}
	pod := &corev1.PodSpec{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(spec, pod); err != nil {
		return nil, fmt.Errorf("read the pods of %s: %w", ID(obj), err)
	}
	if len(pod.Containers) == 0 {
		return nil, fmt.Errorf("%s has no container", ID(obj))
	}
	return pod, nil
}

// Containers returns the containers of a workload, init containers last; other
// objects have none.
func Containers(obj *Object) ([]corev1.Container, error) {
	var out []corev1.Container
	var errs []error
	eachContainer(obj, func(container map[string]any) {
		var c corev1.Container
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(container, &c); err != nil {
			errs = append(errs, fmt.Errorf("read %s: %w", ID(obj), err))
			return
		}
		out = append(out, c)
	})
	return out, errors.Join(errs...)
}

// DataOf returns the values in a Secret or ConfigMap, decoded.
func DataOf(obj *Object) (map[string]string, error) {
	out := map[string]string{}
	data, _ := obj.Object["data"].(map[string]any)
	for key, value := range data {
		text, ok := value.(string)
		if ok && obj.GetKind() == "Secret" {
			decoded, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return nil, fmt.Errorf("read %s: key %s is not base64", ID(obj), key)
			}
			text = string(decoded)
		}
		if ok {
			out[key] = text
		}
	}
	return out, nil
}
