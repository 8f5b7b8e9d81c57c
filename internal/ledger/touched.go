package ledger

import (
	"strings"

	"github.com/teei/slipway/internal/kube"
)

// Touched is an object that a release wrote: what people look for in it. How it
// was entirely is kept with the step.
type Touched struct {
	ID         string `json:"id"` // Kind/namespace/name
	APIVersion string `json:"apiVersion"`
	Service    string `json:"service,omitempty"`
	// Before is nil if there was none, After if it is of no manifest.
	Before *Facts `json:"before,omitempty"`
	After  *Facts `json:"after,omitempty"`
}

// Facts of an object at one time. They hold no secret.
type Facts struct {
	// Images of its containers, in their order.
	Images []string `json:"images,omitempty"`
	// Replicas, where they are not an autoscaler's.
	Replicas *int64 `json:"replicas,omitempty"`
	// Reads are the ConfigMaps and Secrets that its pods refer to.
	Reads []string `json:"reads,omitempty"`
	// Content of a ConfigMap or Secret, as a hash with the environment's key: it
	// shows whether it changed.
	Content string `json:"content,omitempty"`
}

// Object names it, to be read.
func (t Touched) Object() *kube.Object {
	obj := &kube.Object{}
	obj.SetAPIVersion(t.APIVersion)
	kind, rest, _ := strings.Cut(t.ID, "/")
	obj.SetKind(kind)
	namespace, name, namespaced := strings.Cut(rest, "/")
	if !namespaced {
		namespace, name = "", rest
	}
	obj.SetNamespace(namespace)
	obj.SetName(name)
	return obj
}
