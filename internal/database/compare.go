package database

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// contents is what a database holds, for a comparison.
type contents struct {
	tables    []TableCheck
	objects   []object
	sequences map[string]sequence
}

// compare tells how the restored database differs from the original. Sequences
// move on while a dump is made, so the original gives two readings of them, and
// the restored one must lie between. remarks are differences that are explained.
func compare(want contents, later map[string]sequence, got contents) (differences, remarks []string) {
	differences = compareObjects(want.objects, got.objects)
	tables, remarks := compareTables(want.tables, got.tables)
	differences = append(differences, tables...)
	return append(differences, compareSequences(want.sequences, later, got.sequences)...), remarks
}

// compareObjects looks at kinds and names. Definitions are not compared: a view
// or check that is dumped and restored may come back worded differently.
func compareObjects(want, got []object) (differences []string) {
	names := func(objects []object) map[object]bool {
		set := make(map[object]bool, len(objects))
		for _, o := range objects {
			o.Definition = ""
			// Publications stay out of the dump; public comes with template0, older than any OID of ours.
			if strings.HasPrefix(o.Kind, "publication") || o.Name == "public" && o.Kind == "schema" || o.Kind == "comment" && o.Name == "schema public" {
				continue
			}
			set[o] = true
		}
		return set
	}
	before, after := names(want), names(got)
	missing, extra := map[string][]string{}, map[string][]string{}
	for o := range before {
		if !after[o] {
			missing[o.Kind] = append(missing[o.Kind], o.Name)
		}
	}
	for o := range after {
		if !before[o] {
			extra[o.Kind] = append(extra[o.Kind], o.Name)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(missing)) {
		slices.Sort(missing[kind])
		differences = append(differences, fmt.Sprintf("%s missing: %s", plural(len(missing[kind]), kind), some(missing[kind])))
	}
	for _, kind := range slices.Sorted(maps.Keys(extra)) {
		slices.Sort(extra[kind])
		differences = append(differences, fmt.Sprintf("%s too many: %s", plural(len(extra[kind]), kind), some(extra[kind])))
	}
	return differences
}

// compareTables compares counts and checksums. A materialized view is filled
// anew by the restore, from tables that are compared themselves: where it
// differs, the original one was stale or depends on the time, and that is said.
func compareTables(want, got []TableCheck) (differences, remarks []string) {
	restored := make(map[string]TableCheck, len(got))
	for _, t := range got {
		restored[t.key()] = t
	}
	for _, w := range want {
		g, ok := restored[w.key()]
		delete(restored, w.key())
		switch {
		case !ok:
			differences = append(differences, fmt.Sprintf("%s is missing or not filled (%s)", w.key(), plural(int(w.Rows), "row")))
		case g.Rows == w.Rows && g.Checksum == w.Checksum:
		case w.Kind == kindMaterialized:
			remarks = append(remarks, fmt.Sprintf("materialized view %s is stale or depends on the time: %s, and %d when filled anew", w.key(), plural(int(w.Rows), "row"), g.Rows))
		case g.Rows != w.Rows:
			differences = append(differences, fmt.Sprintf("%s has %s, restored it has %d", w.key(), plural(int(w.Rows), "row"), g.Rows))
		default:
			differences = append(differences, fmt.Sprintf("%s has %s either way, but other values in them", w.key(), plural(int(w.Rows), "row")))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(restored)) {
		differences = append(differences, key+" is in the restored database only")
	}
	return differences, remarks
}

func compareSequences(before, after, got map[string]sequence) (differences []string) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		b, a := before[name], after[name]
		g, ok := got[name]
		if !ok {
			continue // named among the objects that are missing
		}
		if _, still := after[name]; !still {
			a = b
		}
		if g.Last < min(b.Last, a.Last) || g.Last > max(b.Last, a.Last) || a == b && g != b {
			differences = append(differences, fmt.Sprintf("sequence %s stands at %d, restored at %d", name, b.Last, g.Last))
		}
	}
	return differences
}
