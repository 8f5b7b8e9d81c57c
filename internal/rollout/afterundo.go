package rollout

import (
	"context"
	"reflect"
	"slices"

	"github.com/teei/slipway/internal/kube"
)

// AfterUndo is the object as it will be once a change of a release that ended in the
// middle is taken back, nil if it will not be there. It mirrors Undo, and asks the
// API server what the write of before would make of the object as it is.
func AfterUndo(ctx context.Context, cluster *kube.Cluster, c Change, live *kube.Object) (*kube.Object, error) {
	return (&run{Options: Options{Cluster: cluster}}).afterUndo(ctx, c, live)
}

func (r *run) afterUndo(ctx context.Context, c Change, live *kube.Object) (*kube.Object, error) {
	if madeByOthers(c, live) {
		return live, nil
	}
	if deletes(c, live) {
		if live != nil && (keeps[c.Object.GetKind()] || kube.Kept(live) != "") {
			return live, nil
		}
		return nil, nil
	}
	if r.asItWas(c, live) || live != nil && kube.ChangedByOthersAlone(live, c.Before) {
		return live, nil
	}
	prior, err := kube.Owned(c.Before)
	if err != nil {
		return nil, err
	}
	if live != nil && r.scaledByOthers(live) {
		prior = withoutReplicas(prior, live)
	}
	undone, err := r.Cluster.Apply(ctx, prior, kube.ApplyOptions{DryRun: true, Over: live})
	if kube.Refused(err) {
		return c.Before, nil // the undo says why, if it comes to that
	}
	return undone, err
}

// deletes reports whether taking a change back means that the object goes. What a Job or
// a Pod that ends did before is done, and not done again.
func deletes(c Change, live *kube.Object) bool {
	return c.Before == nil || work(c.Before) && (live == nil || live.GetUID() != c.Before.GetUID())
}

// madeByOthers reports whether an object that a release noted it would make, and did
// not come to, was made by somebody else since. It is not ours to delete.
func madeByOthers(c Change, live *kube.Object) bool {
	return c.Before == nil && live != nil && !kube.Ours(live)
}

// asItWas reports whether there is nothing to take back.
func (r *run) asItWas(c Change, live *kube.Object) bool {
	if live == nil {
		return false
	}
	return live.GetResourceVersion() == c.Before.GetResourceVersion() ||
		same(live, c.Before, r.scaledByOthers(live)) && reflect.DeepEqual(ownership(live), ownership(c.Before))
}

// undoneFirst is the change of an object that is taken back before this rollout
// begins, nil for none.
func (r *run) undoneFirst(obj *kube.Object) *Change {
	id := kube.ID(obj)
	if i := slices.IndexFunc(r.Undone, func(c Change) bool { return kube.ID(c.Object) == id }); i >= 0 {
		return &r.Undone[i]
	}
	return nil
}
