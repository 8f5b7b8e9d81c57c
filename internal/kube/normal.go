package kube

import (
	"encoding/base64"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// inOneLine writes base64 as the API server does: what a tool has broken into lines is
// otherwise another value than the one in the cluster.
func inOneLine(obj *Object) {
	if kind := obj.GetKind(); obj.GetAPIVersion() != "v1" || kind != "Secret" && kind != "ConfigMap" {
		return
	}
	field := map[string]string{"Secret": "data", "ConfigMap": "binaryData"}[obj.GetKind()]
	data, _ := obj.Object[field].(map[string]any)
	for key, value := range data {
		text, _ := value.(string)
		if plain, err := base64.StdEncoding.DecodeString(text); err == nil {
			data[key] = base64.StdEncoding.EncodeToString(plain)
		}
	}
}

// policyTypes says which traffic a network policy is about where it does not say so
// itself. The API server decides that when it makes the policy, and not again: rules for
// egress that come later would be in no effect.
func policyTypes(obj *Object) {
	spec, _ := obj.Object["spec"].(map[string]any)
	if obj.GetKind() != "NetworkPolicy" || obj.GroupVersionKind().Group != "networking.k8s.io" || spec == nil || len(list(spec, "policyTypes")) > 0 {
		return
	}
	types := []any{"Ingress"}
	if egress, _, _ := unstructured.NestedSlice(obj.Object, "spec", "egress"); len(egress) > 0 {
		types = append(types, "Egress")
	}
	spec["policyTypes"] = types
}

// The field that names a pod's account, and the older one that the API server fills in.
const (
	accountName = "serviceAccountName"
	accountTwin = "serviceAccount"
)

// oneAccount names a pod's account in the field that the API server reads first.
func oneAccount(obj *Object) {
	path, ok := podSpecs[obj.GetKind()]
	if !ok {
		return
	}
	field, _, _ := unstructured.NestedFieldNoCopy(obj.Object, path...)
	pod, _ := field.(map[string]any)
	if pod[accountTwin] == nil {
		return
	}
	if pod[accountName] == nil {
		pod[accountName] = pod[accountTwin]
	}
	delete(pod, accountTwin)
}
