package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Hide replaces a value that must not be shown. It returns false for one that may be.
type Hide func(path, value string) (hash string, secret bool)

// Fields compares two objects, as JSON holds them, value by value. Lists whose
// elements have names, such as containers, are compared by these.
func Fields(before, after map[string]any, hide Hide) []Field {
	var b, a any
	if before != nil {
		b = before
	}
	if after != nil {
		a = after
	}
	out := []Field{}
	compare(&out, "", b, a, hide)
	return out
}

func compare(out *[]Field, path string, before, after any, hide Hide) {
	if reflect.DeepEqual(before, after) {
		return
	}
	b, bok := children(before)
	a, aok := children(after)
	if !aok && !bok || aok && !bok && before != nil || bok && !aok && after != nil {
		*out = append(*out, field(path, before, after, hide))
		return
	}
	keys := map[string]bool{}
	for k := range b {
		keys[k] = true
	}
	for k := range a {
		keys[k] = true
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		compare(out, join(path, key), b[key], a[key], hide)
	}
}

// children are the parts of a map, or of a list by name or number; false for a
// value that has none.
func children(v any) (map[string]any, bool) {
	switch v := v.(type) {
	case map[string]any:
		return v, len(v) > 0
	case []any:
		out := map[string]any{}
		for i, element := range v {
			key := strconv.Itoa(i)
			if m, ok := element.(map[string]any); ok {
				if name, ok := m["name"].(string); ok {
					key = name
				}
			}
			if _, taken := out["["+key+"]"]; taken {
				key = strconv.Itoa(i)
			}
			out["["+key+"]"] = element
		}
		return out, len(v) > 0
	}
	return nil, false
}

// join makes a path; keys with dots or slashes stand in brackets.
func join(path, key string) string {
	switch {
	case strings.HasPrefix(key, "["):
		return path + key
	case strings.ContainsAny(key, "./[] "):
		return path + "[" + key + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

func field(path string, before, after any, hide Hide) Field {
	f := Field{Path: path}
	f.Before, f.Secret = shown(path, before, hide)
	var secret bool
	f.After, secret = shown(path, after, hide)
	f.Secret = f.Secret || secret
	return f
}

func shown(path string, v any, hide Hide) (*string, bool) {
	if v == nil {
		return nil, false
	}
	text := fmt.Sprint(v)
	if s, ok := v.(string); ok {
		text = s
	} else if data, err := json.Marshal(v); err == nil {
		text = string(data)
	}
	if hide != nil {
		if hash, secret := hide(path, text); secret {
			return &hash, true
		}
	}
	if s, ok := v.(string); ok {
		quoted, err := json.Marshal(s)
		if err == nil {
			text = string(quoted)
		}
	}
	return &text, false
}
