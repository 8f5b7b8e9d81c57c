package kube

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Owner is a tool of people that owns fields of an object.
type Owner struct {
	Manager string
	Fields  int
}

// AdoptableOwners are kubectl and Helm, where they own fields of the live object.
// Controllers and unknown tools are not among them: they would go on writing.
func AdoptableOwners(live *Object) []Owner {
	var owners []Owner
	for _, entry := range live.GetManagedFields() {
		if !adoptable(entry) {
			continue
		}
		set := &fieldpath.Set{}
		if set.FromJSON(strings.NewReader(string(entry.FieldsV1.GetRawBytes()))) == nil {
			owners = append(owners, Owner{Manager: entry.Manager, Fields: set.Leaves().Size()})
		}
	}
	return owners
}

func adoptable(entry metav1.ManagedFieldsEntry) bool {
	return entry.Subresource == "" && entry.FieldsV1 != nil && adoptableManager(entry.Manager)
}

func adoptableManager(name string) bool {
	return name == "kubectl" || strings.HasPrefix(name, "kubectl-") || strings.EqualFold(name, "helm")
}

// Adopt makes slipway the owner of what kubectl and Helm own of a live object,
// and changes nothing else in it. It fails if the object was written since it was read.
//
// What kubectl wrote is turned into an apply as client-go does it for tools that
// change to server-side apply (k8s.io/client-go/util/csaupgrade). Helm 4 applies
// already; its entry counts as written, so that it goes the same way.
func (c *Cluster) Adopt(ctx context.Context, live *Object) error {
	client, _, err := c.resource(live)
	if err != nil {
		return fmt.Errorf("adopt %s: %w", ID(live), err)
	}
	obj, managers := live.DeepCopy(), sets.New[string]()
	entries := obj.GetManagedFields()
	for i := range entries {
		if adoptable(entries[i]) {
			managers.Insert(entries[i].Manager)
			entries[i].Operation = metav1.ManagedFieldsOperationUpdate
		}
	}
	obj.SetManagedFields(entries)
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(obj, managers, Manager)
	if err != nil || patch == nil {
		return err
	}
	err = c.patiently(ctx, func() error {
		_, err := client.Patch(ctx, obj.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: Manager})
		return c.explain(err)
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("adopt %s: %w", ID(live), err)
	}
	return nil
}
