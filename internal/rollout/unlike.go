package rollout

import (
	"context"
	"errors"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/plan"
)

// Unlike is an object that is not as a release left it.
type Unlike struct {
	ID     string
	Fields []string // where it differs; none where the object is gone
	By     string   // who wrote it since, as far as is known
}

func (u Unlike) String() string {
	switch {
	case len(u.Fields) == 0:
		return u.ID + " is gone"
	case u.By == "" || u.By == kube.Manager:
		return u.ID + " differs at " + Places(u.Fields)
	}
	return u.ID + " differs at " + Places(u.Fields) + ", written by " + Clean(u.By)
}

// Unlikes compares live objects with what a release wanted them to be, which ended
// at the time given, and changes nothing. What differs is what slipway applied, and
// what others added to pod templates since.
func Unlikes(ctx context.Context, o Options, since time.Time) ([]Unlike, error) {
	r := &run{Options: o}
	var err error
	if r.scaled, err = autoscaled(ctx, r.Cluster, r.Namespace); err != nil {
		return nil, err
	}
	found, errs := make([]*Unlike, len(o.Objects)), make([]error, len(o.Objects))
	now := newLive(ctx, r.Cluster, r.Objects)
	inParallel(o.Objects, func(i int, obj *kube.Object) { found[i], errs[i] = r.unlike(ctx, now, obj, since) })
	var out []Unlike
	for _, u := range found {
		if u != nil {
			out = append(out, *u)
		}
	}
	return out, errors.Join(errs...)
}

func (r *run) unlike(ctx context.Context, now *live, obj *kube.Object, since time.Time) (*Unlike, error) {
	if obj.GetKind() == jobKind {
		return nil, nil // what it did is done, and it may be gone
	}
	live, err := now.read(ctx, obj)
	if err != nil {
		return nil, err
	}
	u := &Unlike{ID: kube.ID(obj)}
	if live == nil {
		return u, nil
	}
	if r.scaledByOthers(live) {
		obj = withoutReplicas(obj, live)
	}
	wanted := live
	if !kube.Applied(obj, live) {
		wanted, err = r.Cluster.Apply(ctx, obj, kube.ApplyOptions{DryRun: true, Force: true, Over: live})
		if err != nil {
			return nil, err
		}
		u.Fields = drift(live, wanted, r.scaledByOthers(live))
	}
	added, by := kube.AddedSince(live, since)
	part := runtimeCopy(added.Without(kube.AppliedFields(wanted)).Of(live))
	template := at(part, templatePath(obj.GetKind()))
	unmark(template, nil)
	if len(template) > 0 {
		for _, f := range plan.Fields(nil, part, nil) {
			u.Fields = append(u.Fields, f.Path)
		}
	}
	if u.By = by; len(u.Fields) == 0 {
		return nil, nil
	}
	return u, nil
}

// at is the map at a path, an empty one where there is none.
func at(of map[string]any, path []string) map[string]any {
	for _, name := range path {
		of, _ = of[name].(map[string]any)
	}
	if of == nil {
		return map[string]any{}
	}
	return of
}
