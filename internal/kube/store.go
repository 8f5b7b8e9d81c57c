package kube

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/teei/slipway/internal/crash"
)

// FenceAnnotation carries the number of the run that laid hands on an object last.
const FenceAnnotation = "slipway.dev/fence"

// Exists reports whether err says that an object of that name is there already.
func Exists(err error) bool { return apierrors.IsAlreadyExists(err) }

// Create makes an object that must not exist yet; Exists tells that it does,
// also when it was this very request that made it and only the answer was lost.
func (c *Cluster) Create(ctx context.Context, obj *Object) (*Object, error) {
	client, _, err := c.resource(obj)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", ID(obj), err)
	}
	crash.Point(ctx, "before create "+ID(obj))
	var made *Object
	err = c.patiently(ctx, func() (err error) {
		made, err = client.Create(ctx, obj, metav1.CreateOptions{FieldManager: Manager})
		return c.explain(err)
	})
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", ID(obj), err)
	}
	crash.Point(ctx, "after create "+ID(obj))
	return made, nil
}

// Update replaces an object that is still of the resource version it carries;
// Stale tells that it is not, also when this very request was the last.
func (c *Cluster) Update(ctx context.Context, obj *Object) (*Object, error) {
	client, _, err := c.resource(obj)
	if err != nil {
		return nil, fmt.Errorf("update %s: %w", ID(obj), err)
	}
	crash.Point(ctx, "before update "+ID(obj))
	var made *Object
	err = c.patiently(ctx, func() (err error) {
		made, err = client.Update(ctx, obj, metav1.UpdateOptions{FieldManager: Manager})
		return c.explain(err)
	})
	if err != nil {
		return nil, fmt.Errorf("update %s: %w", ID(obj), err)
	}
	crash.Point(ctx, "after update "+ID(obj))
	return made, nil
}

// Annotate sets one annotation, whatever else is in the object. One that does
// not exist is fine.
func (c *Cluster) Annotate(ctx context.Context, obj *Object, name, value string) error {
	err := c.merge(ctx, obj, "annotate", map[string]any{"metadata": map[string]any{"annotations": map[string]string{name: value}}})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// merge changes some fields of an object, whatever else is in it.
func (c *Cluster) merge(ctx context.Context, obj *Object, doing string, fields map[string]any) error {
	client, _, err := c.resource(obj)
	if err != nil {
		return fmt.Errorf("%s %s: %w", doing, ID(obj), err)
	}
	patch, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	crash.Point(ctx, "before "+doing+" "+ID(obj))
	err = c.patiently(ctx, func() error {
		_, err := client.Patch(ctx, obj.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: Manager})
		return c.explain(err)
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", doing, ID(obj), err)
	}
	crash.Point(ctx, "after "+doing+" "+ID(obj))
	return nil
}

// Untyped turns a Go type into an object of the API version and kind given.
func Untyped(apiVersion, kind string, typed any) (*Object, error) {
	data, err := json.Marshal(typed)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", kind, err)
	}
	obj := &Object{}
	if err := json.Unmarshal(data, &obj.Object); err != nil {
		return nil, fmt.Errorf("make %s: %w", kind, err)
	}
	obj.SetAPIVersion(apiVersion)
	obj.SetKind(kind)
	return obj, nil
}
