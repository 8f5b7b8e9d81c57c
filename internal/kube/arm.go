package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/teei/slipway/internal/crash"
)

// strategies are the fields that say how a workload replaces its pods. Their type
// decides which other fields may be there: rollingUpdate, which the API server fills in,
// belongs to RollingUpdate alone.
var strategies = map[string]string{"Deployment": "strategy", "StatefulSet": "updateStrategy", "DaemonSet": "updateStrategy"}

const (
	rolling = "RollingUpdate"
	arm     = "rollingUpdate"
)

// strategyLeft is the strategy of a live workload whose rollingUpdate is in the way of
// the type that is to be applied: nobody applied it, so no apply takes it away, and
// null does not either, since it is more than one value. It is "" where none is. Somebody
// else's is left to them, unless force takes it over.
func strategyLeft(obj, live *Object, force bool) string {
	strategy := strategies[obj.GetKind()]
	if live == nil || strategy == "" {
		return ""
	}
	wanted, _, _ := unstructured.NestedString(obj.Object, "spec", strategy, "type")
	given, _, _ := unstructured.NestedMap(obj.Object, "spec", strategy, arm)
	there, found, _ := unstructured.NestedMap(live.Object, "spec", strategy, arm)
	if wanted == "" || wanted == rolling || given != nil || !found || there == nil || !force && len(others(live, fieldpath.MakePathOrDie("spec", strategy, arm))) > 0 {
		return ""
	}
	return strategy
}

// takeArm makes slipway the owner of the rollingUpdate that is in the way, as if it had
// been applied: the next apply, which does not have it, takes it away together with
// all else that it changes. Nothing changes in the object but its owners, and only if
// it is still as it was read.
func (c *Cluster) takeArm(ctx context.Context, live *Object, strategy string) (*Object, error) {
	client, _, err := c.resource(live)
	if err != nil {
		return nil, fmt.Errorf("own %s: %w", ID(live), err)
	}
	entries, err := withFields(live, armOf(live, strategy))
	if err != nil {
		return nil, fmt.Errorf("own %s: %w", ID(live), err)
	}
	patch, err := json.Marshal([]map[string]any{
		{"op": "replace", "path": "/metadata/managedFields", "value": entries},
		{"op": "replace", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()},
	})
	if err != nil {
		return nil, err
	}
	crash.Point(ctx, "before take "+ID(live))
	var taken *Object
	err = c.patiently(ctx, func() (err error) {
		taken, err = client.Patch(ctx, live.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: Manager})
		return c.explain(err)
	})
	if err != nil {
		return nil, fmt.Errorf("own %s: %w", ID(live), err)
	}
	crash.Point(ctx, "after take "+ID(live))
	return taken, nil
}

// armOf are the fields of the rollingUpdate that a live object has.
func armOf(live *Object, strategy string) *fieldpath.Set {
	fields, _, _ := unstructured.NestedMap(live.Object, "spec", strategy, arm)
	set := fieldpath.NewSet(fieldpath.MakePathOrDie("spec", strategy, arm))
	for name := range fields {
		set.Insert(fieldpath.MakePathOrDie("spec", strategy, arm, name))
	}
	return set
}

// withFields are the owners of a live object, with these fields among what slipway applied.
func withFields(live *Object, more *fieldpath.Set) ([]metav1.ManagedFieldsEntry, error) {
	entries := live.GetManagedFields()
	for i, entry := range entries {
		if entry.Manager != Manager || entry.Operation != metav1.ManagedFieldsOperationApply || entry.Subresource != "" {
			continue
		}
		set, err := fieldsOf(entry)
		if err != nil {
			return nil, err
		}
		entries[i].FieldsV1, err = encoded(set.Union(more))
		return entries, err
	}
	fields, err := encoded(more)
	now := metav1.NewTime(time.Now())
	return append(entries, metav1.ManagedFieldsEntry{
		Manager: Manager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: live.GetAPIVersion(), Time: &now, FieldsType: "FieldsV1", FieldsV1: fields,
	}), err
}

func encoded(set *fieldpath.Set) (*metav1.FieldsV1, error) {
	text, err := set.ToJSON()
	return metav1.NewFieldsV1(string(text)), err
}

// previewArm is the dry run of an apply that takes a strategy's rollingUpdate away, which
// no single request can try: all else is applied, and then the strategy is put in its place.
func (c *Cluster) previewArm(ctx context.Context, obj *Object, strategy string, o ApplyOptions) (*Object, error) {
	if conflict := strategyConflict(obj, o.Over, strategy); conflict != nil && !o.Force {
		return nil, conflict
	}
	rest := obj.DeepCopy()
	unstructured.RemoveNestedField(rest.Object, "spec", strategy)
	after, err := c.Apply(ctx, rest, o)
	if err != nil {
		return nil, err
	}
	client, _, err := c.resource(obj)
	if err != nil {
		return nil, fmt.Errorf("apply %s: %w", ID(obj), err)
	}
	wanted, _, _ := unstructured.NestedMap(obj.Object, "spec", strategy)
	if err := unstructured.SetNestedMap(after.Object, wanted, "spec", strategy); err != nil {
		return nil, fmt.Errorf("apply %s: %w", ID(obj), err)
	}
	set := fieldpath.NewSet()
	for name := range wanted {
		set.Insert(fieldpath.MakePathOrDie("spec", strategy, name))
	}
	if o.Force { // it has to be taken over to go
		set = set.Union(armOf(o.Over, strategy))
	}
	entries, err := withFields(after, set)
	if err != nil {
		return nil, fmt.Errorf("apply %s: %w", ID(obj), err)
	}
	patch := []map[string]any{{"op": "replace", "path": "/spec", "value": after.Object["spec"]}}
	for name, now := range map[string]map[string]string{"labels": after.GetLabels(), "annotations": after.GetAnnotations()} {
		if len(now) > 0 {
			patch = append(patch, map[string]any{"op": "add", "path": "/metadata/" + name, "value": now})
		}
	}
	text, err := json.Marshal(patch)
	if err != nil {
		return nil, err
	}
	err = c.patiently(ctx, func() (err error) {
		after, err = client.Patch(ctx, obj.GetName(), types.JSONPatchType, text, metav1.PatchOptions{FieldManager: Manager, DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
		return c.explain(err)
	})
	if err != nil {
		return nil, applyError(obj, err)
	}
	after.SetManagedFields(entries) // as an apply would leave them
	return after, nil
}

// strategyConflict says that somebody else owns the type that would change.
func strategyConflict(obj, live *Object, strategy string) error {
	const field = "type"
	wanted, _, _ := unstructured.NestedString(obj.Object, "spec", strategy, field)
	now, _, _ := unstructured.NestedString(live.Object, "spec", strategy, field)
	owners := others(live, fieldpath.MakePathOrDie("spec", strategy, field))
	if reflect.DeepEqual(wanted, now) || len(owners) == 0 {
		return nil
	}
	conflict := &ConflictError{Object: ID(obj)}
	for _, name := range owners {
		conflict.Conflicts = append(conflict.Conflicts, Conflict{Manager: name, Field: ".spec." + strategy + "." + field})
	}
	return conflict
}
