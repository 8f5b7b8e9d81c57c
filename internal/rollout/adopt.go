package rollout

import (
	"context"
	"errors"

	"github.com/teei/slipway/internal/kube"
)

// Adoption is an object of which another tool owns fields.
type Adoption struct {
	Object string       `json:"object"` // kind/namespace/name
	Owners []kube.Owner `json:"owners"`
}

// Adoptions lists the objects to be released of which others own fields that the
// manifests set. What Argo CD or Flux keep is an *OwnedError: they would take it back.
func Adoptions(ctx context.Context, o Options) ([]Adoption, error) {
	r := &run{Options: o}
	var err error
	if r.scaled, err = autoscaled(ctx, r.Cluster, r.Namespace); err != nil {
		return nil, err
	}
	var out []Adoption
	var errs []error
	for _, obj := range o.Objects {
		live, takeover, err := r.takeover(ctx, obj)
		if errors.As(err, new(*OwnedError)) {
			errs = append(errs, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		if live == nil {
			continue
		}
		if owners := takeover.Owners(live); len(owners) > 0 {
			out = append(out, Adoption{Object: kube.ID(live), Owners: owners})
		}
	}
	return out, errors.Join(errs...)
}

// takeover is what slipway would take over of an object, whatever its values are. The
// API server says which fields the manifests set, as it writes them.
func (r *run) takeover(ctx context.Context, obj *kube.Object) (*kube.Object, kube.Takeover, error) {
	var t kube.Takeover
	live, err := r.Cluster.Read(ctx, obj)
	if err == nil {
		err = keeper(live)
	}
	if err != nil || live == nil || kube.OthersFields(live).Empty() {
		return live, t, err
	}
	if t.Scaled = r.autoscales(obj); t.Scaled {
		obj = withoutReplicas(obj, live)
	}
	after, err := r.Cluster.Apply(ctx, obj, kube.ApplyOptions{DryRun: true, Force: true, Over: live})
	if kube.Immutable(err) && obj.GetKind() == jobKind {
		return nil, t, nil // it is not changed: another one is made
	}
	if err == nil {
		t.Wanted = kube.AppliedFields(after)
	}
	return live, t, err
}

// Adopt makes slipway the owner of those fields. Nothing in the objects changes,
// and doing it again does no harm.
func Adopt(ctx context.Context, o Options) error {
	r := &run{Options: o}
	var err error
	if r.scaled, err = autoscaled(ctx, r.Cluster, r.Namespace); err != nil {
		return err
	}
	for _, obj := range o.Objects {
		if err := r.adopt(ctx, obj); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) adopt(ctx context.Context, obj *kube.Object) error {
	for try := 1; ; try++ {
		live, takeover, err := r.takeover(ctx, obj)
		if err != nil || live == nil || len(takeover.Owners(live)) == 0 {
			return err
		}
		if err := r.guard(ctx, live); err != nil {
			return err
		}
		err = r.Cluster.Adopt(ctx, live, takeover)
		if kube.Stale(err) && try < mostConflicts && ctx.Err() == nil {
			continue // its status moved on
		}
		return err
	}
}

// TakeOver makes slipway the owner of what others own by now of the objects of these
// changes: of what it had applied before, of what the objects to be released say, and
// of pod templates and configuration. Nothing in them changes.
func TakeOver(ctx context.Context, o Options, changes []Change) error {
	r := &run{Options: o}
	var err error
	if r.scaled, err = autoscaled(ctx, r.Cluster, r.Namespace); err != nil {
		return err
	}
	for _, c := range changes {
		if err := r.takeOver(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) takeOver(ctx context.Context, c Change) error {
	for try := 1; ; try++ {
		live, err := r.Cluster.Read(ctx, c.Object)
		if err == nil {
			err = keeper(live)
		}
		if err != nil || live == nil {
			return err
		}
		takeover := kube.Takeover{Wanted: kube.AppliedFields(live), Scaled: r.autoscales(live)}
		if c.Before != nil {
			takeover.Wanted = takeover.Wanted.And(kube.AppliedFields(c.Before))
		}
		for _, obj := range r.Objects {
			if kube.ID(obj) != kube.ID(c.Object) {
				continue
			}
			_, wanted, err := r.takeover(ctx, obj)
			if err == nil { // else it says no more than the state before does
				takeover.Wanted = takeover.Wanted.And(wanted.Wanted)
			}
		}
		if len(takeover.Owners(live)) == 0 {
			return nil
		}
		if err := r.guard(ctx, live); err != nil {
			return err
		}
		err = r.Cluster.Adopt(ctx, live, takeover)
		if kube.Stale(err) && try < mostConflicts && ctx.Err() == nil {
			continue
		}
		return err
	}
}
