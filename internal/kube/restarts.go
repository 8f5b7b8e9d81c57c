package kube

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// restartAnnotations of a pod template replace the pods and say nothing about what
// runs in them. Those whose value is a time are known by that: kubectl rollout
// restart, Rancher, the operators of Vault and 1Password write one.
var restartAnnotations = map[string]bool{
	"reloader.stakater.com/last-reloaded-from": true, // Stakater Reloader
	"wave.pusher.com/config-hash":              true, // Wave
	"keel.sh/update-time":                      true, // Keel
}

// restartVariables begin the names of variables that reloaders write for the same.
var restartVariables = []string{"STAKATER_", "FABRIC8_"}

// RestartAnnotation reports whether an annotation of a pod template does no more than
// to restart its pods.
func RestartAnnotation(name string, value any) bool {
	if restartAnnotations[name] {
		return true
	}
	text, _ := value.(string)
	_, err := time.Parse(time.RFC3339, text)
	return err == nil
}

// RestartVariable reports the same of a container's variable.
func RestartVariable(name string) bool {
	for _, prefix := range restartVariables {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// restarts are the fields of a set that only restart the pods of an object.
func restarts(obj *Object, set *fieldpath.Set) *fieldpath.Set {
	out := fieldpath.NewSet()
	annotations, _, _ := unstructured.NestedMap(obj.Object, "spec", "template", "metadata", "annotations")
	set.Iterate(func(path fieldpath.Path) {
		for i, at := range path {
			if at.FieldName != nil && i > 0 && path[i-1].FieldName != nil && *path[i-1].FieldName == "annotations" && i == 4 && RestartAnnotation(*at.FieldName, annotations[*at.FieldName]) {
				out.Insert(path.Copy())
			}
			if at.Key == nil {
				continue
			}
			for _, key := range *at.Key {
				if key.Name == "name" && key.Value != nil && key.Value.IsString() && RestartVariable(key.Value.AsString()) {
					out.Insert(path.Copy())
				}
			}
		}
	})
	return out
}
