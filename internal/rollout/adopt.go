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

// Adoptions lists the objects to be released of which kubectl or Helm own
// fields. What Argo CD or Flux keep is an *OwnedError: they would take it back.
func Adoptions(ctx context.Context, o Options) ([]Adoption, error) {
	var out []Adoption
	var errs []error
	for _, obj := range o.Objects {
		live, err := o.Cluster.Read(ctx, obj)
		if err != nil {
			return nil, err
		}
		if live == nil {
			continue
		}
		if err := keeper(live); err != nil {
			errs = append(errs, err)
			continue
		}
		if owners := kube.AdoptableOwners(live); len(owners) > 0 {
			out = append(out, Adoption{Object: kube.ID(live), Owners: owners})
		}
	}
	return out, errors.Join(errs...)
}

// Adopt makes slipway the owner of those fields. Nothing in the objects changes,
// and doing it again does no harm.
func Adopt(ctx context.Context, o Options) error {
	for _, obj := range o.Objects {
		if err := adopt(ctx, o, obj); err != nil {
			return err
		}
	}
	return nil
}

func adopt(ctx context.Context, o Options, obj *kube.Object) error {
	for try := 1; ; try++ {
		live, err := o.Cluster.Read(ctx, obj)
		if err != nil || live == nil {
			return err
		}
		if err := keeper(live); err != nil {
			return err
		}
		if len(kube.AdoptableOwners(live)) == 0 {
			return nil
		}
		if o.Guard != nil {
			if err := o.Guard(ctx, live); err != nil {
				return err
			}
		}
		err = o.Cluster.Adopt(ctx, live)
		if kube.Stale(err) && try < mostConflicts && ctx.Err() == nil {
			continue // its status moved on
		}
		return err
	}
}
