package platform

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// has tells whether the file gives a value at that path.
func (d *document) has(path string) bool {
	n := d.at[path]
	return n != nil && (n.Kind != yaml.ScalarNode || n.ShortTag() != "!!null")
}

// nearest is the path itself, or the closest one above it that the file has.
func (d *document) nearest(path string) string {
	for d.at[path] == nil && path != "" {
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return path
}

// report adds a problem with the value at path, or with what should hold it.
func (d *document) report(path, message, hint string) {
	path = d.nearest(path)
	n := d.at[path]
	if n == nil || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && d.keys[path] != nil {
		n = d.keys[path]
	}
	if n == nil {
		n = d.root
	}
	// A mapping begins at its first key, which may be right: its own key says more.
	if k := d.keys[path]; k != nil && n.Kind != yaml.ScalarNode {
		n = k
	}
	d.add(n, message, hint)
}

// reportKey adds a problem with the key at path rather than its value.
func (d *document) reportKey(path, message, hint string) {
	if k := d.keys[path]; k != nil {
		d.add(k, message, hint)
		return
	}
	d.report(path, message, hint)
}

// required reports a key that is missing.
func (d *document) required(parent, key, expected string) {
	if path := join(parent, key); !d.has(path) && (parent == "" || d.has(parent)) && !d.bad[parent] {
		d.report(path, key+" is missing, expected "+expected, "")
	}
}

// text reports what bad says about the value at path, if the file gives one.
func (d *document) text(path, value string, bad func(string) string) {
	if !d.has(path) || d.bad[path] {
		return
	}
	if message := bad(value); message != "" {
		d.report(path, message, "")
	}
}

func (d *document) port(path string, port int) {
	if d.has(path) && !d.bad[path] && (port < 1 || port > 65535) {
		d.report(path, fmt.Sprintf("expected a port from 1 to 65535, found %d", port), "")
	}
}

func (d *document) path(path, value string) {
	d.text(path, value, badPath)
}

func (d *document) paths(path string, values []string) {
	for i, value := range values {
		d.path(item(path, i), value)
	}
}

// unique reports a value that was seen before, and tells whether it is new.
func (d *document) unique(first map[string]string, value, path, what string) bool {
	if value == "" || d.bad[path] {
		return false
	}
	before, seen := first[value]
	if seen {
		d.report(path, fmt.Sprintf("duplicate %s %s, first on line %d", what, quote(value), d.at[d.nearest(before)].Line), "")
		return false
	}
	first[value] = path
	return true
}

// present returns those keys of parent that the file gives.
func (d *document) present(parent string, keys ...string) []string {
	var found []string
	for _, key := range keys {
		if d.has(join(parent, key)) {
			found = append(found, key)
		}
	}
	return found
}
