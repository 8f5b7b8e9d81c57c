package probe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// decode reads JSON and keeps numbers as they were written: an id may have more digits than a float.
func decode(body []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return value, nil
}

// Lookup follows a path such as user.id or items.0.name through decoded JSON.
// A dot in a name is written \. and the empty path, or $, is the whole value.
func Lookup(value any, path string) (any, error) {
	if path == "" || path == "$" {
		return value, nil
	}
	for i, name := range splitPath(strings.TrimPrefix(path, "$.")) {
		switch at := value.(type) {
		case map[string]any:
			next, ok := at[name]
			if !ok {
				return nil, fmt.Errorf("the answer has no %s", path)
			}
			value = next
		case []any:
			n, err := strconv.Atoi(name)
			if name == "length" {
				value = json.Number(strconv.Itoa(len(at)))
				continue
			}
			if err != nil || n < 0 || n >= len(at) {
				return nil, fmt.Errorf("the answer has no %s: the list has %d items", path, len(at))
			}
			value = at[n]
		default:
			return nil, fmt.Errorf("the answer has no %s: part %d, %s, is inside of %s", path, i+1, name, show(value))
		}
	}
	return value, nil
}

func splitPath(path string) []string {
	var out []string
	var part strings.Builder
	for i := 0; i < len(path); i++ {
		switch {
		case path[i] == '\\' && i+1 < len(path):
			i++
			part.WriteByte(path[i])
		case path[i] == '.':
			out = append(out, part.String())
			part.Reset()
		default:
			part.WriteByte(path[i])
		}
	}
	return append(out, part.String())
}

// equal compares JSON with what YAML said, where 1, 1.0 and json.Number "1" are the same.
func equal(got, want any) bool {
	a, errA := normal(got)
	b, errB := normal(want)
	return errA == nil && errB == nil && reflect.DeepEqual(a, b)
}

func normal(value any) (any, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	out, err := decode(encoded)
	if err != nil {
		return nil, err
	}
	return numbers(out), nil
}

func numbers(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for k, v := range value {
			value[k] = numbers(v)
		}
	case []any:
		for i, v := range value {
			value[i] = numbers(v)
		}
	case json.Number:
		if n, err := value.Int64(); err == nil {
			return n
		}
		if f, err := value.Float64(); err == nil {
			if n := int64(f); float64(n) == f {
				return n
			}
			return f
		}
	}
	return value
}

func show(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return excerpt(encoded)
}

var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand replaces ${name} in a text.
func expand(text string, variables map[string]any) (string, error) {
	return expandWith(text, variables, func(s string) string { return s })
}

// expandPath replaces ${name} in a path, escaped so that a captured value stays one part of it.
func expandPath(text string, variables map[string]any) (string, error) {
	return expandWith(text, variables, url.QueryEscape)
}

func expandWith(text string, variables map[string]any, escape func(string) string) (string, error) {
	var missing string
	out := variable.ReplaceAllStringFunc(text, func(found string) string {
		name := found[2 : len(found)-1]
		value, ok := variables[name]
		if !ok {
			missing = name
			return found
		}
		if s, isText := value.(string); isText {
			return escape(s)
		}
		return escape(show(value))
	})
	if missing != "" {
		return "", fmt.Errorf("no earlier step captured ${%s}", missing)
	}
	return out, nil
}

// expandAny replaces ${name} in all strings of a value. A string that is only
// ${name} becomes the captured value as it was, a number too.
func expandAny(value any, variables map[string]any) (any, error) {
	switch value := value.(type) {
	case string:
		if m := variable.FindString(value); m != "" && m == value {
			if captured, ok := variables[m[2:len(m)-1]]; ok {
				return captured, nil
			}
		}
		return expand(value, variables)
	case map[string]any:
		out := make(map[string]any, len(value))
		for k, v := range value {
			var err error
			if out[k], err = expandAny(v, variables); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(value))
		for i, v := range value {
			var err error
			if out[i], err = expandAny(v, variables); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return value, nil
}
