package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Owned returns the part of a live object that slipway applied: exactly what
// has to be applied again to come back to it. Putting the whole object back
// with an update would do as well for the cluster, but would leave the fields
// owned by that update, and the next apply would meet its own conflict.
func Owned(live *Object) (*Object, error) { return owned(live, true) }

// Applied reports whether a live object is exactly as it would be applied: slipway
// owns these fields and no other, and they have these values. Applying it again is
// then known to change nothing. Where it is false, only the API server knows, since
// it may write the same value in another way.
func Applied(obj, live *Object) bool {
	if live == nil || Made(live) {
		return false
	}
	prior, err := owned(live, false)
	if err != nil {
		return false
	}
	a, failed := json.Marshal(prior.Object)
	b, err := json.Marshal(obj.Object)
	return failed == nil && err == nil && bytes.Equal(a, b)
}

// owned is the part of a live object that slipway applied, with or without the keys
// of elements that the API server filled in.
func owned(live *Object, filled bool) (*Object, error) {
	out := &Object{Object: map[string]any{}}
	out.SetAPIVersion(live.GetAPIVersion())
	out.SetKind(live.GetKind())
	for _, entry := range live.GetManagedFields() {
		if entry.Manager != Manager || entry.Operation != metav1.ManagedFieldsOperationApply || entry.Subresource != "" || entry.FieldsV1 == nil {
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields); err != nil {
			return nil, fmt.Errorf("read managed fields of %s: %w", ID(live), err)
		}
		if part, ok := extract(live.Object, fields, filled).(map[string]any); ok {
			out.Object = part
			out.SetAPIVersion(entry.APIVersion)
			out.SetKind(live.GetKind())
		}
	}
	out.SetName(live.GetName())
	out.SetNamespace(live.GetNamespace())
	return out, nil
}

// Ours reports whether slipway made or applied a live object: it has the label that
// every manifest is given, or the API server noted so.
func Ours(live *Object) bool {
	return live.GetLabels()["app.kubernetes.io/managed-by"] == Manager || Wrote(live)
}

// Wrote reports whether the API server noted that slipway made or applied a live
// object. Who copies an object copies its labels, and not that.
func Wrote(live *Object) bool {
	return slices.ContainsFunc(live.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool { return applies(e) || isMaker(e) })
}

// ByTheCluster reports whether the control plane alone wrote a live object, such as
// the account of a namespace that is called default.
func ByTheCluster(live *Object) bool {
	return !slices.ContainsFunc(live.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager != "kube-controller-manager" && e.Manager != "kube-apiserver" && e.Subresource == ""
	})
}

// LastOther names who besides slipway wrote an object last.
func LastOther(live *Object) string {
	name, at := "somebody", time.Time{}
	for _, entry := range live.GetManagedFields() {
		if foreign(entry) && entry.Time != nil && !entry.Time.Time.Before(at) {
			name, at = entry.Manager, entry.Time.Time
		}
	}
	return name
}

// OwnsField reports whether slipway applied the field at the given path.
func OwnsField(live *Object, path ...string) bool {
	for _, entry := range live.GetManagedFields() {
		if entry.Manager != Manager || entry.Operation != metav1.ManagedFieldsOperationApply || entry.FieldsV1 == nil {
			continue
		}
		var node any
		if json.Unmarshal(entry.FieldsV1.GetRawBytes(), &node) != nil {
			continue
		}
		for _, name := range path {
			fields, _ := node.(map[string]any)
			node = fields["f:"+name]
		}
		if node != nil {
			return true
		}
	}
	return false
}

// extract takes from value what fields, in the notation of managedFields,
// names: f: a field, k: an element by its keys, v: an element by its value.
func extract(value any, fields map[string]any, filled bool) any {
	if len(fields) == 0 || len(fields) == 1 && fields["."] != nil {
		return leaf(value, fields)
	}
	switch value := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, sub := range fields {
			key, isField := strings.CutPrefix(name, "f:")
			child, there := value[key]
			if !isField || !there {
				continue
			}
			nested, _ := sub.(map[string]any)
			out[key] = extract(child, nested, filled)
		}
		return out
	case []any:
		return extractList(value, fields, filled)
	}
	return value
}

// leaf is a value owned as a whole, or only the container itself, empty.
func leaf(value any, fields map[string]any) any {
	if fields["."] == nil {
		return value
	}
	switch value.(type) {
	case map[string]any:
		return map[string]any{}
	case []any:
		return []any{}
	}
	return value
}

func extractList(list []any, fields map[string]any, filled bool) []any {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	sort.Strings(names)
	out := []any{}
	// In the order of the live list: the order of containers and variables counts.
	for _, item := range list {
		for _, name := range names {
			if part, ok := element(item, name, fields[name], filled); ok {
				out = append(out, part)
				break
			}
		}
	}
	return out
}

func element(item any, name string, sub any, filled bool) (any, bool) {
	if raw, ok := strings.CutPrefix(name, "v:"); ok {
		encoded, err := json.Marshal(item)
		return item, err == nil && bytes.Equal(encoded, []byte(raw))
	}
	raw, ok := strings.CutPrefix(name, "k:")
	entry, isMap := item.(map[string]any)
	if !ok || !isMap {
		return nil, false
	}
	var keys map[string]any
	if json.Unmarshal([]byte(raw), &keys) != nil {
		return nil, false
	}
	for key, want := range keys {
		if fmt.Sprint(entry[key]) != fmt.Sprint(want) {
			return nil, false
		}
	}
	nested, _ := sub.(map[string]any)
	part, _ := extract(entry, nested, filled).(map[string]any)
	if part == nil {
		part = map[string]any{}
	}
	if filled {
		for key := range keys {
			part[key] = entry[key]
		}
	}
	return part, true
}
