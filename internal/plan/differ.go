package plan

import (
	"fmt"
	"slices"
	"strings"
)

// differences names what is not as it was approved, one line each.
func differences(approved, now *Plan) []string {
	var out []string
	for _, d := range []struct{ what, approved, now string }{
		{"the environment", approved.Environment, now.Environment},
		{"the namespace", approved.Namespace, now.Namespace},
		{"the source", approved.Source, now.Source},
		{"the platform file", approved.PlatformFile, now.PlatformFile},
		{"who asked", approved.By, now.By},
		{"the release it comes from", approved.From, now.From},
		{"the image of the migrator", approved.Migrator, now.Migrator},
		{"what happens to the database on failure", restores(approved), restores(now)},
		{"the services asked for", strings.Join(approved.Only, " "), strings.Join(now.Only, " ")},
	} {
		if d.approved != d.now {
			out = append(out, fmt.Sprintf("%s was %s when it was approved and is %s now", d.what, name(d.approved), name(d.now)))
		}
	}
	out = append(out, each("service", approved.Services, now.Services, func(s Service) string { return s.Name }, serviceChange)...)
	out = append(out, each("object", approved.Objects, now.Objects, func(o Object) string { return o.ID }, objectChange)...)
	out = append(out, each("secret", approved.Given, now.Given, func(g Given) string { return g.ID }, func(a, b Given) string {
		switch {
		case a == b:
			return ""
		case a.Hash == "" || b.Hash == "":
			return "it was there when it was approved and is not now, or the other way round"
		}
		return "what it holds was changed since"
	})...)
	for _, m := range now.Missing {
		if !slices.ContainsFunc(approved.Missing, func(a Missing) bool { return a.String() == m.String() && a.By == m.By && slices.Equal(a.For, m.For) }) {
			out = append(out, m.String()+" is missing now, and was not when it was approved")
		}
	}
	for _, id := range moved(approved.Left, now.Left) {
		out = append(out, id+" was not in the manifests and in the cluster when it was approved, and is now, or the other way round")
	}
	for _, id := range moved(approved.LeftOut, now.LeftOut) {
		out = append(out, id+" belongs to the services asked for now and did not when it was approved, or the other way round")
	}
	for _, id := range moved(approved.Excluded, now.Excluded) {
		out = append(out, id+" is excluded from the release now and was not when it was approved, or the other way round")
	}
	return append(out, each("migration", approved.Migrations, now.Migrations, func(m Migration) string { return m.Name }, func(a, b Migration) string {
		if a == b {
			return ""
		}
		return "its SQL is another"
	})...)
}

// moved are those that are in one list alone.
func moved(a, b []string) (out []string) {
	for _, id := range slices.Concat(a, b) {
		if slices.Contains(a, id) != slices.Contains(b, id) {
			out = append(out, id)
		}
	}
	return out
}

func restores(p *Plan) string {
	if p.Restore {
		return "restored from the backup"
	}
	return "kept as migrated"
}

// each compares two lists of named things. Change says what differs, "" for nothing.
func each[T any](kind string, approved, now []T, name func(T) string, change func(a, b T) string) []string {
	var out []string
	rest := slices.Clone(now)
	var order []string
	for _, a := range approved {
		i := slices.IndexFunc(rest, func(b T) bool { return name(b) == name(a) })
		if i < 0 {
			out = append(out, fmt.Sprintf("%s %s was to be released and is not there to release now", kind, name(a)))
			continue
		}
		if text := change(a, rest[i]); text != "" {
			out = append(out, fmt.Sprintf("%s %s: %s", kind, name(a), text))
		}
		rest = slices.Delete(rest, i, i+1)
		order = append(order, name(a))
	}
	for _, b := range rest {
		out = append(out, fmt.Sprintf("%s %s would be released now and was not approved", kind, name(b)))
	}
	if len(out) == 0 && !slices.EqualFunc(order, now, func(a string, b T) bool { return a == name(b) }) {
		out = append(out, "the order of the "+kind+"s is another")
	}
	return out
}

func serviceChange(a, b Service) string {
	switch {
	case a.Before != b.Before:
		return fmt.Sprintf("it ran %s when this was approved and runs %s now", name(a.Before), name(b.Before))
	case a.After != b.After:
		return fmt.Sprintf("image %s was approved, %s would be released", name(a.After), name(b.After))
	case a != b:
		return "what is asked of it, or whether it changes, is another"
	}
	return ""
}

func objectChange(a, b Object) string {
	if a.Action != b.Action {
		return fmt.Sprintf("%s was approved, %s would be done", a.Action, b.Action)
	}
	var paths []string
	for _, text := range each("", a.Fields, b.Fields, func(f Field) string { return f.Path }, func(f, g Field) string {
		if value(f.Before) == value(g.Before) && value(f.After) == value(g.After) && f.Secret == g.Secret {
			return ""
		}
		return "changed"
	}) {
		paths = append(paths, strings.TrimSpace(text))
	}
	switch {
	case len(paths) > 0:
		return "it was changed since, at " + fieldNames(a.Fields, b.Fields)
	case a.Service != b.Service:
		return "it belongs to another service"
	}
	return ""
}

// fieldNames are the paths whose values are not the same, a few of them.
func fieldNames(a, b []Field) string {
	values := func(fields []Field) map[string]string {
		out := map[string]string{}
		for _, f := range fields {
			out[f.Path] = value(f.Before) + " → " + value(f.After)
		}
		return out
	}
	before, after := values(a), values(b)
	var names []string
	for _, f := range slices.Concat(a, b) {
		if before[f.Path] != after[f.Path] && !slices.Contains(names, f.Path) {
			names = append(names, f.Path)
		}
	}
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

func value(v *string) string {
	if v == nil {
		return "\x00none"
	}
	return *v
}

func name(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
