package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Owned returns the part of a live object that slipway applied: exactly what
// has to be applied again to come back to it. Putting the whole object back
// with an update would do as well for the cluster, but would leave the fields
// owned by that update, and the next apply would meet its own conflict.
func Owned(live *Object) (*Object, error) {
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
		if part, ok := extract(live.Object, fields).(map[string]any); ok {
			out.Object = part
			out.SetAPIVersion(entry.APIVersion)
			out.SetKind(live.GetKind())
		}
	}
	out.SetName(live.GetName())
	out.SetNamespace(live.GetNamespace())
	return out, nil
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
func extract(value any, fields map[string]any) any {
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
			out[key] = extract(child, nested)
		}
		return out
	case []any:
		return extractList(value, fields)
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

func extractList(list []any, fields map[string]any) []any {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	sort.Strings(names)
	out := []any{}
	// In the order of the live list: the order of containers and variables counts.
	for _, item := range list {
		for _, name := range names {
			if part, ok := element(item, name, fields[name]); ok {
				out = append(out, part)
				break
			}
		}
	}
	return out
}

func element(item any, name string, sub any) (any, bool) {
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
	part, _ := extract(entry, nested).(map[string]any)
	if part == nil {
		part = map[string]any{}
	}
	for key := range keys {
		part[key] = entry[key]
	}
	return part, true
}
