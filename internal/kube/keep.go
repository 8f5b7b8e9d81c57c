package kube

import (
	"fmt"
	"slices"
	"strings"
)

// keepMarks are the annotations by which Helm and others are told never to delete
// an object.
var keepMarks = []struct {
	name  string
	means func(value string) bool
}{
	{"helm.sh/resource-policy", one("keep")},
	{"argocd.argoproj.io/sync-options", func(value string) bool {
		return slices.ContainsFunc(strings.Split(value, ","), one("prune=false", "delete=false"))
	}},
	{"kustomize.toolkit.fluxcd.io/prune", one("disabled")},
	{"kapp.k14s.io/delete-strategy", one("orphan")},
	{"cli-utils.sigs.k8s.io/on-remove", one("keep")},
	{"client.lifecycle.config.k8s.io/deletion", one("detach")},
}

// Kept is the mark that says an object must never be deleted, such as
// helm.sh/resource-policy: keep; "" for one without.
func Kept(obj *Object) string {
	if obj == nil {
		return ""
	}
	annotations := annotationsOf(obj)
	for _, mark := range keepMarks {
		if value, there := annotations[mark.name]; there && mark.means(fmt.Sprint(value)) {
			return mark.name + ": " + briefly(fmt.Sprint(value))
		}
	}
	return ""
}
