package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/teei/slipway/internal/crash"
)

// maker is the field manager of what was made and not applied since; behind it
// comes what tells one process's objects from another's.
const maker = Manager + "-make-"

// Make creates an object that must not exist yet, to be applied right after and
// then given to Own. An apply alone would create it too, but cannot be told to
// leave alone what somebody else made in the meantime. Exists tells that there is
// one, also when this very request made it and only the answer was lost.
func (c *Cluster) Make(ctx context.Context, obj *Object) (*Object, error) {
	client, namespaced, err := c.resource(obj)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", ID(obj), err)
	}
	send := placed(obj, namespaced)
	crash.Point(ctx, "before make "+ID(obj))
	var made *Object
	err = c.patiently(ctx, func() (err error) {
		// As strict as an apply: a misspelt field is an error.
		made, err = client.Create(ctx, send, metav1.CreateOptions{FieldManager: c.maker, FieldValidation: metav1.FieldValidationStrict})
		return c.explain(err)
	})
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", ID(obj), err)
	}
	crash.Point(ctx, "after make "+ID(obj))
	return made, nil
}

// Made reports whether a live object was made, and is not yet as if it had been
// applied alone.
func Made(live *Object) bool {
	return live != nil && slices.ContainsFunc(live.GetManagedFields(), isMaker)
}

// Untouched reports whether this process made an object, and no slipway has
// applied or stamped it since.
func (c *Cluster) Untouched(live *Object) bool {
	by := func(manager string) bool {
		return slices.ContainsFunc(live.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool { return e.Manager == manager })
	}
	return by(c.maker) && !by(Manager)
}

func isMaker(entry metav1.ManagedFieldsEntry) bool { return strings.HasPrefix(entry.Manager, maker) }

// Own leaves what was made and applied to the apply alone: a field that is later
// applied no more would otherwise stay, as the maker's.
func (c *Cluster) Own(ctx context.Context, live *Object) (*Object, error) {
	client, _, err := c.resource(live)
	if err != nil {
		return nil, fmt.Errorf("own %s: %w", ID(live), err)
	}
	crash.Point(ctx, "before own "+ID(live))
	for Made(live) {
		patch, err := json.Marshal([]map[string]any{
			{"op": "replace", "path": "/metadata/managedFields", "value": slices.DeleteFunc(live.GetManagedFields(), isMaker)},
			{"op": "replace", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()},
		})
		if err != nil {
			return nil, err
		}
		var owned *Object
		err = c.patiently(ctx, func() (err error) {
			owned, err = client.Patch(ctx, live.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: Manager})
			return c.explain(err)
		})
		switch {
		case err == nil:
			live = owned
		case !Stale(err):
			return nil, fmt.Errorf("own %s: %w", ID(live), err)
		default: // its status moved on
			again, err := c.Read(ctx, live)
			if err != nil || again == nil {
				return live, err
			}
			live = again
		}
	}
	crash.Point(ctx, "after own "+ID(live))
	return live, nil
}
