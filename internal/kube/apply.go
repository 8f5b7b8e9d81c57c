package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/internal/crash"
)

// ApplyOptions change how an object is applied.
type ApplyOptions struct {
	// DryRun asks the API server what would come of it, and changes nothing.
	DryRun bool
	// Force takes over fields that other managers own.
	Force bool
	// Over is the live object that it is applied over, nil if there is none. What the
	// API server filled in there beside a field that is applied no more goes with it.
	Over *Object
}

// ConflictError says that another field manager owns what we wanted to set.
type ConflictError struct {
	Object    string
	Conflicts []Conflict
	Advice    string // what to do about it; a plain one if empty

	made bool // and whoever made it, which is nobody else
}

// Conflict is one field and who owns it.
type Conflict struct{ Manager, Field string }

func (e *ConflictError) Error() string {
	if len(e.Conflicts) == 0 {
		return fmt.Sprintf("apply %s: a run made it and did not come to apply it", e.Object)
	}
	parts := make([]string, 0, len(e.Conflicts))
	for _, c := range e.Conflicts {
		parts = append(parts, fmt.Sprintf("%s is owned by %s", c.Field, c.Manager))
	}
	return fmt.Sprintf("apply %s: %s", e.Object, strings.Join(parts, ", "))
}

// Hint says what to do about it.
func (e *ConflictError) Hint() string {
	if e.Advice != "" {
		return e.Advice
	}
	return "`slipway adopt` shows who owns what of it, and takes it over"
}

// NoNamespaceError says that the namespace of an object is not there.
type NoNamespaceError struct{ Namespace string }

func (e *NoNamespaceError) Error() string { return "the cluster has no namespace " + e.Namespace }

// Hint says what to do about it.
func (e *NoNamespaceError) Hint() string {
	return "make it, with the secrets that the platform needs in it (`kubectl create namespace " + e.Namespace + "`), or add it to the manifests"
}

// ID names an object as errors do: Deployment/teei/api-gateway.
func ID(obj *Object) string {
	if obj.GetNamespace() == "" {
		return obj.GetKind() + "/" + obj.GetName()
	}
	return obj.GetKind() + "/" + obj.GetNamespace() + "/" + obj.GetName()
}

// Apply makes an object be as given, server-side, as field manager slipway, and
// returns what the API server made of it.
//
// What was made and not applied since belongs to its maker, and is taken over: the API
// server writes some values in another way (cpu: 1000m is 1), and its policies change
// others, so that they are not those that are applied. It must be an object of the
// version that was read, or a dry run.
func (c *Cluster) Apply(ctx context.Context, obj *Object, o ApplyOptions) (*Object, error) {
	if strategy := strategyLeft(obj, o.Over, o.Force); strategy != "" {
		if o.DryRun {
			return c.previewArm(ctx, obj, strategy, o)
		}
		taken, err := c.takeArm(ctx, o.Over, strategy)
		if err != nil {
			return nil, err
		}
		obj = obj.DeepCopy()
		obj.SetResourceVersion(taken.GetResourceVersion())
	}
	if !o.DryRun {
		crash.Point(ctx, "before apply "+ID(obj))
	}
	applied, err := c.apply(ctx, obj, o)
	if conflict := new(ConflictError); errors.As(err, &conflict) && conflict.made && len(conflict.Conflicts) == 0 && (o.DryRun || obj.GetResourceVersion() != "") {
		o.Force = true
		applied, err = c.apply(ctx, obj, o)
	}
	if err == nil && !o.DryRun {
		crash.Point(ctx, "after apply "+ID(obj))
	}
	return applied, err
}

func (c *Cluster) apply(ctx context.Context, obj *Object, o ApplyOptions) (*Object, error) {
	client, namespaced, err := c.resource(obj)
	if err != nil {
		return nil, fmt.Errorf("apply %s: %w", ID(obj), err)
	}
	send := placed(withoutTwins(obj, o.Over), namespaced)
	options := metav1.ApplyOptions{FieldManager: Manager, Force: o.Force}
	if o.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	var applied *Object
	err = c.patiently(ctx, func() (err error) {
		applied, err = client.Apply(ctx, obj.GetName(), send, options)
		return c.explain(err)
	})
	if err != nil {
		return nil, applyError(obj, err)
	}
	return applied, nil
}

// placed is an object without the namespace that its kind does not have.
func placed(obj *Object, namespaced bool) *Object {
	if namespaced || obj.GetNamespace() == "" {
		return obj
	}
	out := obj.DeepCopy()
	out.SetNamespace("")
	return out
}

func applyError(obj *Object, err error) error {
	var status apierrors.APIStatus
	if apierrors.IsConflict(err) && errors.As(err, &status) && status.Status().Details != nil {
		conflict := &ConflictError{Object: ID(obj)}
		for _, cause := range status.Status().Details.Causes {
			if cause.Type != metav1.CauseTypeFieldManagerConflict {
				continue
			}
			if by := managerIn(cause.Message); strings.HasPrefix(by, maker) {
				conflict.made = true
			} else {
				conflict.Conflicts = append(conflict.Conflicts, Conflict{Manager: by, Field: cause.Field})
			}
		}
		if conflict.made || len(conflict.Conflicts) > 0 {
			return conflict
		}
	}
	if apierrors.IsNotFound(err) && errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Kind == "namespaces" {
		return &NoNamespaceError{Namespace: status.Status().Details.Name}
	}
	return fmt.Errorf("apply %s: %w", ID(obj), err)
}

var quoted = regexp.MustCompile(`conflict with "([^"]*)"`)

// managerIn finds the manager in `conflict with "kubectl" using apps/v1`.
func managerIn(message string) string {
	if m := quoted.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return message
}

// Read returns the live object with the kind, namespace and name of obj, or nil
// if there is none.
func (c *Cluster) Read(ctx context.Context, obj *Object) (*Object, error) {
	client, _, err := c.resource(obj)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ID(obj), err)
	}
	var live *Object
	err = c.patiently(ctx, func() (err error) {
		live, err = client.Get(ctx, obj.GetName(), metav1.GetOptions{})
		return c.explain(err)
	})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ID(obj), err)
	}
	return live, nil
}

// ReadAll returns the live objects of the kind and namespace of obj, by name.
func (c *Cluster) ReadAll(ctx context.Context, obj *Object) (map[string]*Object, error) {
	client, _, err := c.resource(obj)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ID(obj), err)
	}
	all := map[string]*Object{}
	err = c.patiently(ctx, func() error {
		list, err := client.List(ctx, metav1.ListOptions{})
		if err != nil {
			return c.explain(err)
		}
		for i := range list.Items {
			live := &list.Items[i]
			live.SetGroupVersionKind(obj.GroupVersionKind()) // which a list says once, and not of each
			all[live.GetName()] = live
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list all that is like %s: %w", ID(obj), err)
	}
	return all, nil
}

// Delete removes an object and what it owns. One that is gone already is fine;
// one that is not of the resource version and UID given is left alone.
func (c *Cluster) Delete(ctx context.Context, obj *Object) error {
	client, _, err := c.resource(obj)
	if err != nil {
		return fmt.Errorf("delete %s: %w", ID(obj), err)
	}
	background := metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{PropagationPolicy: &background}
	options.Preconditions = &metav1.Preconditions{}
	if version := obj.GetResourceVersion(); version != "" {
		options.Preconditions.ResourceVersion = &version
	}
	if uid := obj.GetUID(); uid != "" {
		options.Preconditions.UID = &uid
	}
	crash.Point(ctx, "before delete "+ID(obj))
	err = c.patiently(ctx, func() error { return c.explain(client.Delete(ctx, obj.GetName(), options)) })
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s: %w", ID(obj), err)
	}
	crash.Point(ctx, "after delete "+ID(obj))
	return nil
}

// EnsureNamespace creates the namespace if it does not exist.
func (c *Cluster) EnsureNamespace(ctx context.Context, name string) error {
	obj := &Object{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
	live, err := c.Read(ctx, obj)
	if err != nil || live != nil {
		return err
	}
	if _, err = c.Create(ctx, obj); Exists(err) {
		return nil
	}
	return err
}

// Immutable reports whether the API server refused a write because it changes
// what can only be chosen when an object is created.
func Immutable(err error) bool {
	return apierrors.IsInvalid(err) && (strings.Contains(err.Error(), "field is immutable") || strings.Contains(err.Error(), "pod updates may not change fields"))
}

// Stale reports whether the API server refused a write because the object is
// no longer of the resource version that was read.
func Stale(err error) bool {
	var conflict *ConflictError
	return apierrors.IsConflict(err) && !errors.As(err, &conflict)
}

// Conflicts reports whether the API server refused a write for what somebody else
// has written.
func Conflicts(err error) bool { return Stale(err) || errors.As(err, new(*ConflictError)) }

// LastManager names who wrote an object's specification last.
func LastManager(live *Object) string {
	name, at := "somebody", time.Time{}
	for _, entry := range live.GetManagedFields() {
		if entry.Subresource == "" && entry.Time != nil && !entry.Time.Time.Before(at) {
			name, at = entry.Manager, entry.Time.Time
		}
	}
	if strings.HasPrefix(name, maker) {
		return Manager
	}
	return name
}

// Refused reports whether err is the API server's final answer to a request
// (as opposed to trouble on the way to it), so that asking again is useless.
func Refused(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	code := status.Status().Code
	return code >= 400 && code < 500 && code != http.StatusTooManyRequests
}
