package kube

import (
	"reflect"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// WithAllocated is what a Service is to be again together with what the API server had
// chosen for it and has taken back since: its address, the ports of its nodes. Others
// may lead there. It is nil where nothing of that is missing.
func WithAllocated(prior, before, live *Object) *Object {
	if prior.GetKind() != "Service" || prior.GetAPIVersion() != "v1" {
		return nil
	}
	was, _, _ := unstructured.NestedMap(before.Object, "spec")
	now := map[string]any{}
	if live != nil {
		now, _, _ = unstructured.NestedMap(live.Object, "spec")
	}
	out := prior.DeepCopy()
	spec, _ := out.Object["spec"].(map[string]any)
	if spec == nil {
		return nil
	}
	missing := nodePorts(spec, was, now)
	for _, field := range allocated {
		if value, chosen := was[field]; chosen && spec[field] == nil && !reflect.DeepEqual(value, now[field]) {
			spec[field] = runtime.DeepCopyJSONValue(value)
			missing = true
		}
	}
	if !missing {
		return nil
	}
	return out
}

// allocated are the fields of a Service that the API server chooses.
var allocated = []string{"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"}

// Taken reports whether the API server refused a Service because another one has its
// address or port.
func Taken(err error) bool {
	return apierrors.IsInvalid(err) && strings.Contains(err.Error(), "already allocated")
}

// nodePorts sets those that a Service's ports had, and reports whether they have them no more.
func nodePorts(spec, was, now map[string]any) (missing bool) {
	const field = "nodePort"
	for _, item := range list(spec, "ports") {
		port, _ := item.(map[string]any)
		had, has := samePort(port, was), samePort(port, now)
		if port == nil || port[field] != nil || had[field] == nil || reflect.DeepEqual(had[field], has[field]) {
			continue
		}
		port[field] = had[field]
		missing = true
	}
	return missing
}

// samePort is the port of a Service that has the number and the protocol of another.
func samePort(port, spec map[string]any) map[string]any {
	for _, item := range list(spec, "ports") {
		other, _ := item.(map[string]any)
		if reflect.DeepEqual(other["port"], port["port"]) && protocol(other) == protocol(port) {
			return other
		}
	}
	return nil
}

func protocol(port map[string]any) string {
	if named, _ := port["protocol"].(string); named != "" {
		return named
	}
	return "TCP"
}
