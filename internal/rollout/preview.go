package rollout

import (
	"context"
	"errors"
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
)

// Difference is what a rollout would make of one object.
type Difference struct {
	// Object as it is applied.
	Object *kube.Object
	// Before is the live object; nil if there is none.
	Before *kube.Object
	// Former is the object that a new one takes the place of, because the name of
	// configuration changes with its content; nil if there is none.
	Former *kube.Object
	// After is what the API server says it would become; nil if it cannot say
	// yet, because the namespace or the kind come with this very release.
	After *kube.Object
	// Retired is the live workload of another kind and the same name that is deleted
	// once this one is healthy; nil if there is none.
	Retired *kube.Object
	// Service, if it is a service's workload.
	Service string
	// Replaced says that the live object is deleted and another one made, since it
	// cannot be changed.
	Replaced bool
	// Changed is false where nothing would be different, so nothing is written.
	Changed bool
}

// States are the object's content before and after, without what the cluster
// keeps about it; before is nil for a new one. What the API server would only
// choose on creation, such as an address, is in neither.
func (d Difference) States() (before, after map[string]any) {
	if d.Former != nil {
		return content(d.Former), content(d.Object)
	}
	if d.Before == nil || d.After == nil {
		return nil, essence(d.Object, false)
	}
	return essence(d.Before, false), essence(d.After, false)
}

// Preview asks the API server what would come of a rollout, and changes
// nothing. Defaults that the server fills in are in both states, so they are
// no difference.
func Preview(ctx context.Context, o Options) ([]Difference, error) {
	r := &run{Options: o}
	if err := o.check(); err != nil {
		return nil, err
	}
	var err error
	if r.scaled, err = autoscaled(ctx, r.Cluster, r.Namespace); err != nil {
		return nil, err
	}
	return r.preview(ctx)
}

// preview asks about every object before the first write, unless it is exactly as
// it was applied: a misspelt field, a missing right or a conflict in the last
// service is no reason to roll out the ones before it.
func (r *run) preview(ctx context.Context) ([]Difference, error) {
	if err := namespaceGoing(ctx, r.Cluster, r.Namespace); err != nil {
		return nil, err
	}
	out := make([]Difference, len(r.Objects))
	errs := make([]error, len(r.Objects))
	coming, now := r.coming(), newLive(ctx, r.Cluster, r.Objects)
	inParallel(r.Objects, func(i int, obj *kube.Object) {
		out[i] = Difference{Object: r.marked(obj, ""), Service: r.serviceOf(obj), Changed: true}
		if coming["kind "+obj.GetKind()] || coming[obj.GetNamespace()] && !r.exists(ctx, obj.GetNamespace()) {
			return // nobody can say before it exists
		}
		errs[i] = r.compare(ctx, now, &out[i])
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if missing := new(kube.NoNamespaceError); errors.As(errors.Join(errs...), &missing) {
		return nil, missing // said once, and not for each object
	}
	if err := errors.Join(errs...); err != nil {
		return out, err
	}
	return out, r.retire(ctx, out)
}

// coming are the namespaces and kinds that this very release brings.
func (r *run) coming() map[string]bool {
	coming := map[string]bool{}
	for _, obj := range r.Objects {
		switch obj.GetKind() {
		case "Namespace":
			coming[obj.GetName()] = true
		case "CustomResourceDefinition":
			kind, _, _ := unstructured.NestedString(obj.Object, "spec", "names", "kind")
			coming["kind "+kind] = true
		}
	}
	return coming
}

func (r *run) compare(ctx context.Context, now *live, d *Difference) (err error) {
	if d.Before, err = now.read(ctx, d.Object); err != nil {
		return err
	}
	if err := errors.Join(going(d.Before), keeper(d.Before)); err != nil {
		return err
	}
	there := d.Before
	by := r.anothers(there)
	if by != "" {
		d.Object = r.marked(d.Object, by)
	}
	if c := r.undoneFirst(d.Object); c != nil && by == "" {
		if d.Before, err = r.afterUndo(ctx, *c, d.Before); err != nil {
			return err
		}
	}
	scaled := r.autoscales(d.Object)
	if scaled {
		// The autoscaler owns them, and the write leaves them alone.
		d.Object = withoutReplicas(d.Object, d.Before)
	}
	if kube.Applied(d.Object, d.Before) {
		d.After, d.Changed = d.Before, false // nothing that anybody could refuse
		return nil
	}
	d.After, err = r.Cluster.Apply(ctx, d.Object, kube.ApplyOptions{DryRun: true, Over: there})
	if kube.Immutable(err) && d.Before == nil && r.undoneFirst(d.Object) != nil {
		err = nil // what stands in the way is gone by then
	}
	if kube.Immutable(err) && (d.Object.GetKind() == jobKind || d.Object.GetKind() == podKind) {
		return d.replace() // a Job's work is never changed, another one is done
	}
	if err != nil {
		return r.advise(err)
	}
	if d.Before == nil {
		if d.Former, err = r.former(ctx, d.Object); err != nil {
			return err
		}
	}
	if d.Object.GetKind() == podKind && d.Before != nil && !reflect.DeepEqual(d.Before.Object["spec"], d.After.Object["spec"]) {
		return d.replace() // its image alone could change, and nobody would see that it is in effect
	}
	d.Changed = d.Before == nil || kube.Made(d.Before) || !same(d.Before, d.After, scaled) || !reflect.DeepEqual(ownership(d.Before), ownership(d.After))
	if d.Changed && by != "" {
		return r.yields(d.Before)
	}
	if d.Changed && d.Object.GetNamespace() == r.Namespace {
		return halted(*d)
	}
	return nil
}

// replace deletes the object and makes another one, unless it says that it is kept.
func (d *Difference) replace() error {
	if mark := kube.Kept(d.Before); mark != "" {
		return &KeptError{Object: kube.ID(d.Object), Mark: mark}
	}
	d.Replaced, d.After = true, nil
	return nil
}

// former is the newest live ConfigMap of the same name in the manifests.
func (r *run) former(ctx context.Context, obj *kube.Object) (former *kube.Object, err error) {
	name := obj.GetLabels()[kube.ConfigurationLabel]
	if name == "" {
		return nil, nil
	}
	live, err := kube.List[unstructured.Unstructured](ctx, r.Cluster, kube.ConfigMaps, obj.GetNamespace(), kube.ConfigurationLabel+"="+name, "")
	for _, found := range live {
		if c := r.undoneFirst(found); c != nil && c.Before == nil {
			continue
		}
		created := found.GetCreationTimestamp()
		if former == nil || former.GetCreationTimestamp().Time.Before(created.Time) {
			former = found
		}
	}
	return former, err
}

// content is what a ConfigMap holds, whatever its name.
func content(obj *kube.Object) map[string]any {
	out := map[string]any{}
	for _, field := range []string{"data", "binaryData"} {
		if value, ok := obj.Object[field]; ok {
			out[field] = value
		}
	}
	return out
}

// serviceOf returns the service whose workload the object is, or "".
func (r *run) serviceOf(obj *kube.Object) string {
	if !serves(obj.GetKind()) || obj.GetNamespace() != r.Namespace {
		return ""
	}
	for _, s := range r.Services {
		if s.Name == obj.GetName() {
			return s.Name
		}
	}
	return ""
}

func (r *run) exists(ctx context.Context, namespace string) bool {
	obj := &kube.Object{}
	obj.SetAPIVersion("v1")
	obj.SetKind("Namespace")
	obj.SetName(namespace)
	live, err := r.Cluster.Read(ctx, obj)
	return err == nil && live != nil
}
