package platform

import (
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// wrong reports a value of another type than its key takes.
func (d *document) wrong(n *yaml.Node, path, expected, hint string) {
	d.spoil(path)
	subject := ""
	if path != "" {
		subject = path + ": "
	}
	d.add(n, subject+"expected "+expected+", found "+kindOf(n), hint)
}

// spoil keeps later checks away from a value that was not understood.
func (d *document) spoil(path string) {
	if d.bad == nil {
		d.bad = map[string]bool{}
	}
	d.bad[path] = true
}

func (d *document) unknown(k *yaml.Node, key string, fields map[string]int, t reflect.Type) {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	hint := "known keys: " + strings.Join(names, ", ")
	if near := nearest(key, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	d.add(k, "unknown key "+shown(k)+" in "+nameOf(t), hint)
}

// kindOf describes a node to a person. Values are not shown: somebody will
// paste a password where a name belongs.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!null":
		return "nothing"
	case "!!timestamp":
		return "a date"
	}
	return "text"
}

// shown quotes what a node says, shortened and on one line.
func shown(n *yaml.Node) string { return quote(n.Value) }

func quote(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return `"` + strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`, `"`, `\"`).Replace(s) + `"`
}

func unquote(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		return "remove the quotes"
	}
	return ""
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// fieldsOf maps the keys of a type to its fields.
func fieldsOf(t reflect.Type) map[string]int {
	fields := map[string]int{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "-" {
			fields[name] = i
		}
	}
	return fields
}

func nameOf(t reflect.Type) string {
	switch t.Name() {
	case "FlowStep":
		return "a flow's step"
	case "Platform", "Toolchain", "Infrastructure", "Database", "Manifests", "Metrics", "Watch", "Hooks":
		return "the " + strings.ToLower(t.Name())
	case "Image", "Environment":
		return "an " + strings.ToLower(t.Name())
	}
	return "a " + strings.ToLower(t.Name())
}

// nearest returns the name that key most likely stands for, or "".
func nearest(key string, names []string) string {
	best, least := "", 1+len(key)/3
	for _, name := range names {
		if n := distance(strings.ToLower(key), strings.ToLower(name)); n <= least && (best == "" || n < least) {
			best, least = name, n
		}
	}
	return best
}

// distance counts the edits from a to b, a swap of neighbours being one.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 1 << 10
	}
	var rows [66][66]int
	for i := range len(a) + 1 {
		rows[i][0] = i
	}
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
