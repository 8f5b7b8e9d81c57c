package kube

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

const (
	maxText    = 16 << 20 // bytes of YAML; the API server takes objects of 1.5 MiB
	maxObjects = 2000
	maxDepth   = 100
)

// parse reads objects from YAML with several documents. Lists are taken apart.
// The name (a file, a folder, a command) is for messages.
func parse(name string, text []byte) ([]located, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("read manifests %s: larger than %d MiB", name, maxText>>20)
	}
	var out []located
	for i, document := range documents(text) {
		where := fmt.Sprintf("%s, document %d", name, i+1)
		var value any
		if err := yaml.UnmarshalStrict(document, &value); err != nil {
			return nil, fmt.Errorf("read manifests %s: %w", where, short(err))
		}
		if value == nil {
			continue
		}
		found, err := objectsIn(value, where, 0)
		if err != nil {
			return nil, fmt.Errorf("read manifests %w", err)
		}
		if out = append(out, found...); len(out) > maxObjects {
			return nil, fmt.Errorf("read manifests %s: more than %d objects", name, maxObjects)
		}
	}
	return out, nil
}

// documents splits at lines that are "---", as kubectl does.
func documents(text []byte) [][]byte {
	var out [][]byte
	var now []byte
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("---")); ok && (len(bytes.TrimSpace(rest)) == 0 || rest[0] == ' ' || rest[0] == '\t') {
			if len(bytes.TrimSpace(now)) > 0 {
				out = append(out, now)
			}
			now = nil
			if rest = bytes.TrimSpace(rest); len(rest) > 0 && rest[0] != '#' {
				now = append(bytes.Clone(rest), '\n')
			}
			continue
		}
		now = append(now, line...)
	}
	if len(bytes.TrimSpace(now)) > 0 {
		out = append(out, now)
	}
	return out
}

// short keeps the first complaint of a YAML error, and little of it: the document may hold secrets.
func short(err error) error {
	text, rest, _ := strings.Cut(err.Error(), "\n")
	if strings.HasSuffix(text, ":") {
		first, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
		text += " " + first
	}
	text = strings.TrimPrefix(text, "error converting YAML to JSON: ")
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return errors.New(text)
}

func objectsIn(value any, where string, depth int) ([]located, error) {
	fields, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: not an object with apiVersion and kind", where)
	}
	if deeper(value, maxDepth) {
		return nil, fmt.Errorf("%s: nested more than %d levels deep", where, maxDepth)
	}
	kind, _ := fields["kind"].(string)
	version, _ := fields["apiVersion"].(string)
	if items, isList := fields["items"].([]any); isList && strings.HasSuffix(kind, "List") {
		return itemsOf(items, where, depth)
	}
	switch {
	case kind == "":
		return nil, fmt.Errorf("%s: it has no kind", where)
	case version == "":
		return nil, fmt.Errorf("%s: %s has no apiVersion", where, kind)
	}
	meta, ok := fields["metadata"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: %s has no metadata", where, kind)
	}
	name, _ := meta["name"].(string)
	if generated, _ := meta["generateName"].(string); name == "" && generated != "" && hookOf(&Object{Object: fields}) != "" {
		name = generated + "…" // which is never applied
		meta["name"] = name
	}
	if name == "" && meta["generateName"] != nil {
		return nil, fmt.Errorf("%s: %s has generateName, but only an object with a name can be applied twice", where, kind)
	}
	if name == "" {
		return nil, fmt.Errorf("%s: %s has no metadata.name", where, kind)
	}
	if namespace, there := meta["namespace"]; there {
		if _, isText := namespace.(string); !isText {
			return nil, fmt.Errorf("%s: the namespace of %s %s is not a text", where, kind, name)
		}
	}
	// As the client wants them: numbers as int64 where they are whole.
	return []located{{obj: &Object{Object: runtime.DeepCopyJSON(whole(fields).(map[string]any))}, from: where}}, nil
}

func itemsOf(items []any, where string, depth int) ([]located, error) {
	if depth > 3 {
		return nil, fmt.Errorf("%s: lists in lists", where)
	}
	var out []located
	for i, item := range items {
		found, err := objectsIn(item, fmt.Sprintf("%s, item %d", where, i+1), depth+1)
		if err != nil {
			return nil, err
		}
		if out = append(out, found...); len(out) > maxObjects {
			return nil, fmt.Errorf("%s: more than %d objects", where, maxObjects)
		}
	}
	return out, nil
}

// whole turns float64 that are whole numbers into int64: YAML went through JSON.
func whole(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for k, v := range value {
			value[k] = whole(v)
		}
	case []any:
		for i, v := range value {
			value[i] = whole(v)
		}
	case float64:
		if n := int64(value); float64(n) == value {
			return n
		}
	}
	return value
}

func deeper(value any, levels int) bool {
	if levels == 0 {
		return true
	}
	switch value := value.(type) {
	case map[string]any:
		for _, v := range value {
			if deeper(v, levels-1) {
				return true
			}
		}
	case []any:
		for _, v := range value {
			if deeper(v, levels-1) {
				return true
			}
		}
	}
	return false
}
