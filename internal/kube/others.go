package kube

import (
	"bytes"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// others are the managers besides slipway that own a field of a live object, or
// something in it.
func others(live *Object, path fieldpath.Path) (names []string) {
	for _, entry := range live.GetManagedFields() {
		if entry.Manager == Manager || isMaker(entry) {
			continue
		}
		if set, err := fieldsOf(entry); err == nil && owns(set, path) {
			names = append(names, entry.Manager)
		}
	}
	return names
}

func owns(set *fieldpath.Set, path fieldpath.Path) bool {
	if set.Has(path) {
		return true
	}
	for _, element := range path {
		set = set.WithPrefix(element)
	}
	return !set.Empty()
}

// fieldsOf is the set of fields that an entry of managedFields holds.
func fieldsOf(entry metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	set := &fieldpath.Set{}
	if entry.FieldsV1 == nil {
		return set, nil
	}
	err := set.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes()))
	return set, err
}
