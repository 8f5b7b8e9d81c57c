package kube

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Fields are a set of an object's fields, as the API server notes who wrote them.
type Fields struct{ set *fieldpath.Set }

// AppliedFields are those that slipway applied in any of the states given.
func AppliedFields(states ...*Object) Fields {
	set := fieldpath.NewSet()
	for _, live := range states {
		for _, entry := range live.GetManagedFields() {
			if applies(entry) {
				set = set.Union(setOf(entry))
			}
		}
	}
	return Fields{set}
}

// OthersFields are those that anybody but slipway wrote, a status left out.
func OthersFields(live *Object) Fields {
	set := fieldpath.NewSet()
	for _, entry := range live.GetManagedFields() {
		if foreign(entry) {
			set = set.Union(setOf(entry))
		}
	}
	return Fields{set}
}

// fields are those of the set, which may be none.
func (f Fields) fields() *fieldpath.Set {
	if f.set == nil {
		return fieldpath.NewSet()
	}
	return f.set
}

// And adds the fields of another set.
func (f Fields) And(other Fields) Fields { return Fields{f.fields().Union(other.fields())} }

// Without leaves out the fields of another set.
func (f Fields) Without(other Fields) Fields { return Fields{f.fields().Difference(other.fields())} }

// Both are the fields that are in two sets.
func (f Fields) Both(other Fields) Fields { return Fields{f.fields().Intersection(other.fields())} }

// Empty reports whether there is none.
func (f Fields) Empty() bool { return f.fields().Empty() }

// Of are the values of these fields in an object.
func (f Fields) Of(obj *Object) map[string]any {
	var fields map[string]any
	encoded, err := f.fields().ToJSON()
	if err != nil || json.Unmarshal(encoded, &fields) != nil || len(fields) == 0 {
		return map[string]any{}
	}
	// Whoever applies empty labels owns no more than that there are some.
	if metadata, _ := fields["f:metadata"].(map[string]any); metadata != nil {
		for _, name := range []string{"f:labels", "f:annotations"} {
			if inner, ok := metadata[name].(map[string]any); ok && len(inner) == 0 {
				inner["."] = map[string]any{}
			}
		}
	}
	out, _ := extract(obj.Object, fields, true).(map[string]any)
	return out
}

// applies reports whether an entry is of what slipway applied.
func applies(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == Manager && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == ""
}

// foreign reports whether an entry is of somebody else than slipway, and of more than a status.
func foreign(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager != Manager && !isMaker(entry) && entry.Subresource != "status"
}

// setOf are the fields of an entry; none where it cannot be read.
func setOf(entry metav1.ManagedFieldsEntry) *fieldpath.Set {
	set := fieldpath.NewSet()
	if entry.FieldsV1 == nil || set.FromJSON(strings.NewReader(string(entry.FieldsV1.GetRawBytes()))) != nil {
		return fieldpath.NewSet()
	}
	return set
}

// Written reports whether slipway applied an object since it was as before. The API
// server notes the time of each apply that changes something.
func Written(live, before *Object) bool {
	return live.GetUID() != before.GetUID() || appliedAt(live).After(appliedAt(before))
}

// ChangedByOthersAlone reports whether all that is not as before in a live object is
// the work of others, so that slipway wrote nothing of it since.
func ChangedByOthersAlone(live, before *Object) bool {
	if live.GetUID() != before.GetUID() || !appliedAt(live).Equal(appliedAt(before)) {
		return false
	}
	// Two applies may be of one second, so what they applied is compared too.
	now, then := AppliedFields(live), AppliedFields(before)
	return now.Without(then).Empty() && then.Without(now).Without(OthersFields(live)).Empty() &&
		reflect.DeepEqual(now.Of(live), now.Of(before))
}

func appliedAt(obj *Object) (at time.Time) {
	for _, entry := range obj.GetManagedFields() {
		if applies(entry) && entry.Time != nil && entry.Time.After(at) {
			at = entry.Time.Time
		}
	}
	return at
}

// Editor names who else than slipway changed an object since it was as before, of
// those that write at all the one that wrote what slipway applies or what pods are
// made from; "" where it was slipway.
func Editor(live, before *Object) string {
	if Written(live, before) {
		return ""
	}
	known := map[string]string{}
	for _, entry := range before.GetManagedFields() {
		known[entryKey(entry)] = entryState(entry)
	}
	concerned := AppliedFields(live, before)
	name, at, concerns := "somebody", time.Time{}, false
	for _, entry := range live.GetManagedFields() {
		if !foreign(entry) || known[entryKey(entry)] == entryState(entry) {
			continue
		}
		set := setOf(entry)
		now := !set.Intersection(concerned.fields()).Empty() || !under(set, parts[0]).Empty()
		when := time.Time{}
		if entry.Time != nil {
			when = entry.Time.Time
		}
		if now && !concerns || now == concerns && !when.Before(at) {
			name, at, concerns = entry.Manager, when, now
		}
	}
	return name
}

func entryKey(e metav1.ManagedFieldsEntry) string {
	return e.Manager + " " + string(e.Operation) + " " + e.Subresource + " " + e.APIVersion
}

func entryState(e metav1.ManagedFieldsEntry) string {
	state := ""
	if e.FieldsV1 != nil {
		state = string(e.FieldsV1.GetRawBytes())
	}
	if e.Time != nil {
		state += e.Time.UTC().String()
	}
	return state
}

// ScaledByOthers reports whether somebody else than slipway chose the number of an
// object's pods, the way that autoscalers and `kubectl scale` do.
func ScaledByOthers(live *Object) bool {
	if OwnsField(live, "spec", "replicas") {
		return false
	}
	spec, replicas := "spec", "replicas"
	for _, entry := range live.GetManagedFields() {
		if foreign(entry) && entry.Subresource == "scale" &&
			setOf(entry).Has(fieldpath.MakePathOrDie(spec, replicas)) {
			return true
		}
	}
	return false
}

// AddedSince is what others wrote into a live object's pod template since a time, beside
// what slipway applied, and who wrote last of what pods are made from or read.
func AddedSince(live *Object, since time.Time) (Fields, string) {
	added, by, at := fieldpath.NewSet(), "", since
	for _, entry := range live.GetManagedFields() {
		if !foreign(entry) || entry.Time == nil || !entry.Time.After(since) {
			continue
		}
		set := setOf(entry)
		added = added.Union(under(set, parts[0]))
		for _, part := range parts {
			if !under(set, part).Empty() && !entry.Time.Time.Before(at) {
				by, at = entry.Manager, entry.Time.Time
			}
		}
	}
	return Fields{added.Difference(AppliedFields(live).set)}, by
}
