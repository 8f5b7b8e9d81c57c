package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/teei/slipway/internal/crash"
)

// Owner is somebody else who owns fields that slipway is to apply.
type Owner struct {
	Manager string
	Fields  int
}

// Takeover is what slipway takes over of an object: the fields it is to apply, and
// what belongs to them, whoever owns them now. What controllers of the cluster note,
// and the replicas of an autoscaler, are not among it.
type Takeover struct {
	Wanted Fields // those that the manifests set
	Scaled bool   // an autoscaler owns the replicas
}

// Owners are those whom slipway would take fields over from.
func (t Takeover) Owners(live *Object) (owners []Owner) {
	for _, entry := range live.GetManagedFields() {
		if taken := t.taken(live, entry); !taken.Empty() {
			owners = append(owners, Owner{Manager: entry.Manager, Fields: taken.Leaves().Size()})
		}
	}
	return owners
}

// taken are the fields of an entry that are taken over. kubectl and Helm made the
// object from manifests, as slipway does, so all that is theirs is. A restore, as
// Velero makes one, owns what the API server fills in too, and an operator may own
// what nobody else has to know: of others it is what the manifests set, and the rest
// of a pod template or of configuration, which else would stay for good. Nobody's restart is taken over:
// without its mark, the pods would be replaced.
func (t Takeover) taken(live *Object, entry metav1.ManagedFieldsEntry) *fieldpath.Set {
	set := setOf(entry)
	switch {
	case !foreign(entry) || entry.Subresource != "" && entry.Subresource != "scale":
		return fieldpath.NewSet()
	case entry.Subresource == "scale":
		if t.Scaled {
			return fieldpath.NewSet()
		}
		return set.Intersection(t.Wanted.fields())
	case ofCluster(entry.Manager):
		return fieldpath.NewSet()
	}
	wanted := set.Intersection(t.Wanted.fields())
	rest := set
	if !peoples(entry.Manager) {
		rest = fieldpath.NewSet()
		for _, part := range parts {
			if !under(wanted, part).Empty() {
				rest = rest.Union(under(set, part))
			}
		}
	}
	return rest.Difference(restarts(live, rest)).Union(wanted)
}

// peoples are the tools with which people apply manifests.
func peoples(manager string) bool {
	return manager == "kubectl" || strings.HasPrefix(manager, "kubectl-") || strings.EqualFold(manager, "helm")
}

// ofCluster are the controllers that every cluster has.
func ofCluster(manager string) bool {
	return slices.Contains([]string{"kube-controller-manager", "kube-scheduler", "kubelet", "kube-apiserver", "cloud-controller-manager"}, manager)
}

// parts of an object that pods are made from, or read.
var parts = [][]string{{"spec", "template"}, {"data"}, {"binaryData"}}

// under is the part of a set that is below a path.
func under(set *fieldpath.Set, part []string) *fieldpath.Set {
	out := fieldpath.NewSet()
	set.Iterate(func(path fieldpath.Path) {
		for i, name := range part {
			if i >= len(path) || path[i].FieldName == nil || *path[i].FieldName != name {
				return
			}
		}
		out.Insert(path.Copy())
	})
	return out
}

// Adopt makes slipway the owner of what it takes over of a live object, and changes
// nothing else in it. It fails if the object was written since it was read.
func (c *Cluster) Adopt(ctx context.Context, live *Object, t Takeover) error {
	client, _, err := c.resource(live)
	if err != nil {
		return fmt.Errorf("adopt %s: %w", ID(live), err)
	}
	entries, err := t.entries(live)
	if err != nil {
		return fmt.Errorf("adopt %s: %w", ID(live), err)
	}
	patch, err := json.Marshal([]map[string]any{
		{"op": "replace", "path": "/metadata/managedFields", "value": entries},
		// Replaced, and not tested: then it is a conflict, and not an invalid request.
		{"op": "replace", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()},
	})
	if err != nil {
		return err
	}
	crash.Point(ctx, "before adopt "+ID(live))
	err = c.patiently(ctx, func() error {
		_, err := client.Patch(ctx, live.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: Manager})
		return c.explain(err)
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("adopt %s: %w", ID(live), err)
	}
	crash.Point(ctx, "after adopt "+ID(live))
	return nil
}

// entries are those of a live object once slipway owns what it takes over.
func (t Takeover) entries(live *Object) ([]metav1.ManagedFieldsEntry, error) {
	var out []metav1.ManagedFieldsEntry
	ours, taken := ownEntry(live), fieldpath.NewSet()
	for _, entry := range live.GetManagedFields() {
		if applies(entry) {
			continue
		}
		took := t.taken(live, entry)
		if took.Empty() {
			out = append(out, entry)
			continue
		}
		if ours.APIVersion == "" {
			ours.APIVersion, ours.Time = entry.APIVersion, entry.Time
		}
		if ours.APIVersion == entry.APIVersion {
			taken = taken.Union(took) // of another version the next apply takes what nobody owns then
		}
		if rest := setOf(entry).Difference(took); !rest.Empty() {
			if err := setFields(&entry, rest); err != nil {
				return nil, err
			}
			out = append(out, entry)
		}
	}
	if err := setFields(&ours, setOf(ours).Union(taken)); err != nil {
		return nil, err
	}
	return append(out, ours), nil
}

// ownEntry is slipway's own, an empty one where there is none yet.
func ownEntry(live *Object) metav1.ManagedFieldsEntry {
	for _, entry := range live.GetManagedFields() {
		if applies(entry) {
			return entry
		}
	}
	return metav1.ManagedFieldsEntry{Manager: Manager, Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1"}
}

func setFields(entry *metav1.ManagedFieldsEntry, set *fieldpath.Set) error {
	fields, err := set.ToJSON()
	if err == nil {
		entry.FieldsV1 = metav1.NewFieldsV1(string(fields))
	}
	return err
}
