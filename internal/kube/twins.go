package kube

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// withoutTwins is an object as it has to be applied over a live one. The API server
// fills in some fields of a pod from others: serviceAccount beside serviceAccountName,
// and an emptyDir where a volume has no source. An apply takes away only what was
// applied, so these would stay when the field that they come from goes, and be read in
// its place. Applied as null, they go.
func withoutTwins(obj, live *Object) *Object {
	path, ok := podSpecs[obj.GetKind()]
	// A Pod itself has its account and volumes from admission, and keeps them.
	if live == nil || !ok || obj.GetKind() == "Pod" {
		return obj
	}
	out := obj.DeepCopy()
	field, _, _ := unstructured.NestedFieldNoCopy(out.Object, path...)
	wanted, isPod := field.(map[string]any)
	field, _, _ = unstructured.NestedFieldNoCopy(live.Object, path...)
	there, wasPod := field.(map[string]any)
	if !isPod || !wasPod {
		return obj
	}
	var pod fieldpath.Path
	for _, name := range path {
		pod = append(pod, fieldpath.FieldNameElement(name))
	}
	withoutAccount(wanted, there, live, pod)
	for _, volume := range list(wanted, "volumes") {
		withoutEmptyDir(volume, list(there, "volumes"), live, pod)
	}
	return out
}

// withoutAccount takes away what names an account that is not wanted any more. Of the
// two fields the API server reads serviceAccountName, where it is there.
func withoutAccount(wanted, there map[string]any, live *Object, pod fieldpath.Path) {
	for field, other := range map[string]string{accountName: accountTwin, accountTwin: accountName} {
		named := wanted[other] != nil && (field == accountTwin || wanted[other] == there[field])
		if wanted[field] != nil || there[field] == nil || named {
			continue
		}
		if len(others(live, append(pod.Copy(), fieldpath.FieldNameElement(field)))) == 0 {
			wanted[field] = nil
		}
	}
}

// withoutEmptyDir takes the emptyDir that stood for no source from a volume that has
// one now.
func withoutEmptyDir(item any, there []any, live *Object, pod fieldpath.Path) {
	const none = "emptyDir"
	volume, _ := item.(map[string]any)
	if len(volume) < 2 || volume[none] != nil {
		return
	}
	for _, was := range there {
		was, _ := was.(map[string]any)
		if nameIn(was) != nameIn(volume) || was[none] == nil {
			continue
		}
		at := append(pod.Copy(), fieldpath.FieldNameElement("volumes"), fieldpath.KeyElementByFields("name", nameIn(volume)), fieldpath.FieldNameElement(none))
		if len(others(live, at)) == 0 {
			volume[none] = nil
		}
	}
}
