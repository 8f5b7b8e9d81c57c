package platform

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document remembers where in the file each value stands, so that what is
// found wrong later can still be shown at its place. Paths read services[1].port.
type document struct {
	file     string
	root     *yaml.Node
	at       map[string]*yaml.Node // values
	keys     map[string]*yaml.Node // keys of mappings
	problems Problems
	budget   int
	bad      map[string]bool // paths already reported, which later checks leave alone
}

func (d *document) add(n *yaml.Node, message, hint string) {
	d.problems = append(d.problems, Problem{File: d.file, Line: max(n.Line, 1), Column: max(n.Column, 1), Message: message, Hint: hint})
}

func decodePlatform(d *document) *Platform {
	p := &Platform{}
	d.decode(d.root, reflect.ValueOf(p).Elem(), "", 0)
	return p
}

var durationType = reflect.TypeFor[Duration]()

// decode fills v from n and goes on after a mistake, unlike yaml.Unmarshal,
// which knows no columns and stops checking a mapping at its first duplicate.
func (d *document) decode(n *yaml.Node, v reflect.Value, path string, depth int) {
	n, ok := d.enter(n, depth)
	if !ok {
		return
	}
	d.at[path] = n
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && v.Kind() != reflect.Interface {
		return // as if the key were not there
	}
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), path, depth+1)
	case v.Type() == durationType:
		d.duration(n, v, path)
	case v.Kind() == reflect.Struct:
		d.structure(n, v, path, depth)
	case v.Kind() == reflect.Map:
		d.mapping(n, v, path, depth)
	case v.Kind() == reflect.Slice:
		d.list(n, v, path, depth)
	case v.Kind() == reflect.Interface:
		if value := d.free(n, path, depth); value != nil {
			v.Set(reflect.ValueOf(value))
		}
	default:
		d.scalar(n, v, path)
	}
}

// enter follows an alias, and stops what would never end or take all memory.
func (d *document) enter(n *yaml.Node, depth int) (*yaml.Node, bool) {
	if d.budget--; d.budget < 0 || depth > maxDepth {
		if d.budget >= -1 { // said once
			d.add(n, fmt.Sprintf("the file is nested or repeated without end, expected at most %d values and %d levels", maxNodes, maxDepth), "write out what the aliases stand for")
		}
		d.budget = -2
		return nil, false
	}
	if n.Kind == yaml.AliasNode {
		return d.enter(n.Alias, depth+1)
	}
	return n, true
}

func (d *document) structure(n *yaml.Node, v reflect.Value, path string, depth int) {
	fields := fieldsOf(v.Type())
	d.pairs(n, path, nameOf(v.Type()), func(key string, k, value *yaml.Node) {
		i, ok := fields[key]
		if !ok {
			d.unknown(k, key, fields, v.Type())
			return
		}
		d.decode(value, v.Field(i), join(path, key), depth+1)
	})
}

func (d *document) mapping(n *yaml.Node, v reflect.Value, path string, depth int) {
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, path, "names and their values", func(key string, _, value *yaml.Node) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.decode(value, item, join(path, key), depth+1)
		v.SetMapIndex(reflect.ValueOf(key), item)
	})
}

// pairs calls each for every pair of a mapping, once per key.
func (d *document) pairs(n *yaml.Node, path, expected string, each func(key string, k, v *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.wrong(n, path, expected, "")
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, ok := d.enter(n.Content[i], 0)
		switch {
		case !ok:
			return
		case k.Kind != yaml.ScalarNode:
			d.add(k, "expected a name as key, found "+kindOf(k), "")
		case k.ShortTag() == "!!merge":
			d.add(k, "merge key << is not supported", "write the keys out")
			d.spoil(path)
		case first[k.Value] != 0:
			d.add(k, fmt.Sprintf("duplicate key %q, first on line %d", k.Value, first[k.Value]), "remove one of them")
		default:
			first[k.Value] = k.Line
			d.keys[join(path, k.Value)] = k
			each(k.Value, k, n.Content[i+1])
		}
	}
}

func (d *document) list(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.SequenceNode {
		d.wrong(n, path, "a list", "begin each item with -")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.decode(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i), depth+1)
		if d.budget < 0 {
			return
		}
	}
}

func (d *document) scalar(n *yaml.Node, v reflect.Value, path string) {
	tag := n.ShortTag()
	switch v.Kind() {
	case reflect.String:
		if n.Kind != yaml.ScalarNode {
			d.wrong(n, path, "text", "")
		} else if tag != "!!str" {
			d.wrong(n, path, "text", "put it in quotes")
		} else {
			v.SetString(n.Value)
		}
	case reflect.Int:
		i, err := strconv.ParseInt(n.Value, 0, 64)
		if n.Kind != yaml.ScalarNode || tag != "!!int" || err != nil {
			d.wrong(n, path, "a whole number", unquote(n))
			return
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := strconv.ParseFloat(n.Value, 64)
		if n.Kind != yaml.ScalarNode || tag != "!!float" && tag != "!!int" || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			d.wrong(n, path, "a number", unquote(n))
			return
		}
		v.SetFloat(f)
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || tag != "!!bool" {
			d.wrong(n, path, "true or false", "")
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	}
}

func (d *document) duration(n *yaml.Node, v reflect.Value, path string) {
	parsed, err := parseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		d.wrong(n, path, "a duration such as 90s, 10m or 1h30m", "")
		return
	}
	v.Set(reflect.ValueOf(parsed))
}

// free decodes what becomes JSON: a request's body, and values expected back.
func (d *document) free(n *yaml.Node, path string, depth int) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		d.pairs(n, path, "", func(key string, _, value *yaml.Node) {
			var item any
			d.decode(value, reflect.ValueOf(&item).Elem(), join(path, key), depth+1)
			m[key] = item
		})
		return m
	case yaml.SequenceNode:
		s := make([]any, len(n.Content))
		d.list(n, reflect.ValueOf(&s).Elem(), path, depth)
		return s
	}
	var value any
	if n.ShortTag() == "!!timestamp" || n.Decode(&value) != nil {
		return n.Value // a date is text in JSON
	}
	if f, ok := value.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		d.wrong(n, path, "a value that JSON can hold", "")
		return nil
	}
	return value
}
