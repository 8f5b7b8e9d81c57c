package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
)

// Undo takes back changes that were noted by another run, in reverse, each
// verified as it goes back. Changes that were never made are passed over. Once ctx
// is cancelled, what goes back then does so to its end, within Grace, and nothing
// more is begun; the end of lasting ends all at once.
func Undo(ctx, lasting context.Context, o Options, changes []Change) (*Result, error) {
	r := newRun(o)
	watching, stop := context.WithCancel(lasting)
	defer stop()
	var err error
	if r.scaled, err = autoscaled(watching, r.Cluster, r.Namespace); err != nil {
		return r.result, err
	}
	var objects []*kube.Object
	for _, c := range changes {
		objects = append(objects, c.Object)
	}
	if r.view, err = r.follow(watching, r.kinds(objects)); err != nil {
		return r.result, err
	}
	soon, stop := r.graceful(ctx, watching)
	defer stop()
	return r.result, begun(r.undo(soon, ctx, changes))
}

// undo takes back changes, and begins none once beginning has ended. In a run that
// was cancelled, ctx is not the cancelled one; each change has a deadline of its own.
func (r *run) undo(ctx, beginning context.Context, changes []Change) error {
	var errs []error
	all, down := backwards(changes), map[string]bool{} // down did not come back, by namespace/name
	for i, c := range all {
		if ctx.Err() != nil || beginning.Err() != nil {
			return errors.Join(append(errs, &LeftError{Changes: len(all) - i})...)
		}
		start := time.Now()
		name := c.Service
		if name == "" {
			name = kube.ID(c.Object)
		}
		r.report(Progress{Service: name, Phase: Undoing})
		out := Undone{ID: kube.ID(c.Object), Service: c.Service}
		action, changed, err := r.takeBackFor(ctx, c, down)
		if !changed && err == nil {
			continue
		}
		out.Action, out.Verified, out.Seconds = action, err == nil, time.Since(start).Seconds()
		if err != nil {
			out.Error = r.redact(err.Error())
			errs = append(errs, fmt.Errorf("take back %s: %w", out.ID, err))
		}
		r.result.Undone = append(r.result.Undone, out)
		r.report(Progress{Service: name, Phase: Undid, Elapsed: time.Since(start), Detail: action + r.redact(detail(err))})
		if err != nil && ctx.Err() != nil {
			return errors.Join(append(errs, &LeftError{Changes: len(all) - i})...)
		}
	}
	return errors.Join(errs...)
}

// errServesAlone keeps a workload that took the place of one of another kind.
var errServesAlone = errors.New("it stays, since what it took the place of did not come back")

// takeBackFor is takeBack, but leaves a workload that nothing would serve for: the one
// of another kind, whose place it took, is down.
func (r *run) takeBackFor(ctx context.Context, c Change, down map[string]bool) (action string, changed bool, err error) {
	place := c.Object.GetNamespace() + "/" + c.Object.GetName()
	if c.Before == nil && down[place] && serves(c.Object.GetKind()) {
		return Kept, true, errServesAlone
	}
	action, changed, err = r.takeBack(ctx, c)
	if err != nil && serves(c.Object.GetKind()) {
		down[place] = true
	}
	return action, changed, err
}

// LeftError says that there was no time to take everything back.
type LeftError struct{ Changes int }

func (e *LeftError) Error() string {
	if e.Changes == 1 {
		return "there was no time to take back the last change and to verify it"
	}
	return fmt.Sprintf("there was no time to take back %d changes", e.Changes)
}

func detail(err error) string {
	if err == nil {
		return ""
	}
	return ", but: " + err.Error()
}

// takeBack makes one object be as before, and reports whether there was anything to do.
func (r *run) takeBack(ctx context.Context, c Change) (action string, changed bool, err error) {
	live, err := r.Cluster.Read(ctx, c.Object)
	if err != nil {
		return "restored", true, err
	}
	if r.anothers(live) != "" {
		return "left to another platform", false, nil
	}
	if madeByOthers(c, live) {
		r.result.Left = append(r.result.Left, Left{ID: kube.ID(c.Object), Service: c.Service, By: kube.LastOther(live)})
		return "left to who made it", false, nil
	}
	if deletes(c, live) {
		return r.remove(ctx, c, live)
	}
	if r.asItWas(c, live) || live != nil && r.left(c, live) {
		return "unchanged", false, nil
	}
	return "restored", true, r.goBack(ctx, c, func() error { return r.restore(ctx, c, live) })
}

// goBack is a step of its own where a service goes back.
func (r *run) goBack(ctx context.Context, c Change, act func() error) error {
	if c.Service == "" {
		return act()
	}
	return r.step(ctx, TakeBack+" "+c.Service, nil, act)
}

// Kept is the action of what may hold data, and stays.
const Kept = "kept"

// keeps lists what may hold data that no second release could bring back.
var keeps = map[string]bool{"Namespace": true, "CustomResourceDefinition": true, "PersistentVolumeClaim": true, "PersistentVolume": true}

// stays reports whether an object is never deleted.
func stays(live *kube.Object) bool { return keeps[live.GetKind()] || kube.Kept(live) != "" }

func (r *run) remove(ctx context.Context, c Change, live *kube.Object) (string, bool, error) {
	if live == nil {
		return "deleted", false, nil
	}
	if stays(live) {
		return Kept, true, nil
	}
	return "deleted", true, r.goBack(ctx, c, func() error {
		ctx, stop := context.WithTimeout(ctx, r.Deadline+10*time.Second)
		defer stop()
		err := r.erase(ctx, live, nil)
		if err == nil && runs(c.Object.GetKind()) && c.Object.GetNamespace() == r.Namespace {
			err = r.view.gone(ctx, c.Object.GetKind(), c.Object.GetName())
		}
		return err
	})
}

// spared fails for an object that is not the one that was to be deleted: somebody made
// it anew meanwhile, or changed it where that counts.
func spared(now, live *kube.Object, fits func(*kube.Object) bool) error {
	if now.GetUID() != live.GetUID() {
		return &EditedError{Object: kube.ID(now), Manager: kube.LastManager(now), Fields: []string{"metadata.uid"}}
	}
	if fits != nil && !fits(now) {
		return &EditedError{Object: kube.ID(now), Manager: kube.LastManager(now), Fields: drift(now, live, false)}
	}
	return nil
}

// erase deletes an object as it was read and no other, as put writes. Where its status
// moved on, it still has to fit; nil fits whatever it is by then.
func (r *run) erase(ctx context.Context, live *kube.Object, fits func(*kube.Object) bool) error {
	for try := 1; ; try++ {
		if err := r.guard(ctx, live); err != nil {
			return err
		}
		err := r.Cluster.Delete(ctx, live)
		if !kube.Stale(err) || try >= mostConflicts || ctx.Err() != nil {
			return err
		}
		now, err := r.Cluster.Read(ctx, live)
		if err != nil || now == nil {
			return err
		}
		if err := spared(now, live, fits); err != nil {
			return err
		}
		live = now
	}
}

func (r *run) restore(ctx context.Context, c Change, live *kube.Object) error {
	writing, stop := context.WithTimeout(ctx, r.Deadline+10*time.Second)
	defer stop()
	live, err := r.makeRoom(writing, c, live)
	if err != nil {
		return err
	}
	start := time.Now()
	prior, err := kube.Owned(c.Before)
	if err != nil {
		return err
	}
	g := goal{kind: c.Object.GetKind(), name: c.Object.GetName(), start: start, exits: exitsOf(r.view.pods.List()), back: true}
	now, err := r.putBack(writing, prior, c.Before, live)
	if err != nil {
		return r.adviseBack(err)
	}
	if fields := drift(now, c.Before, r.scaledByOthers(now), live); g.kind != podKind && len(fields) > 0 { // what is chosen for a pod, it chooses anew
		return &NotBackError{Object: kube.ID(c.Object), Manager: kube.LastManager(now), Fields: fields, Environment: r.Environment}
	}
	if !serves(g.kind) || !c.Ran || c.Object.GetNamespace() != r.Namespace {
		return nil
	}
	g.generation, g.uid, g.written = now.GetGeneration(), now.GetUID(), writtenAt(now)
	was, err := r.was(ctx, g.name)
	if err != nil {
		return err
	}
	g.deadline = start.Add(r.deadlineBack(was))
	stop = r.unstick(ctx, g)
	defer stop()
	_, err = r.settle(ctx, was, g, false)
	if failed := (*Failure)(nil); errors.As(err, &failed) {
		failed.looked = true // it is not rolled out
	}
	return err
}

// makeRoom waits until an object that is being deleted is gone, and deletes a Pod
// of the same name, which cannot be changed. It returns what is there then.
func (r *run) makeRoom(ctx context.Context, c Change, live *kube.Object) (*kube.Object, error) {
	if going(live) != nil {
		return nil, r.untilGone(ctx, live)
	}
	if c.Object.GetKind() == podKind && live != nil && live.GetUID() != c.Before.GetUID() {
		return nil, r.clear(ctx, live)
	}
	return live, nil
}

// putBack applies what an object was, first with the addresses and ports that the cluster
// had chosen, where it has given them away since, and then without: they are not slipway's.
// Where somebody else has them by then, the cluster chooses others.
func (r *run) putBack(ctx context.Context, prior, before, live *kube.Object) (*kube.Object, error) {
	whatever := func(*kube.Object) error { return nil } // conflicts decide
	if chosen := kube.WithAllocated(prior, before, live); chosen != nil {
		if _, err := r.put(ctx, chosen, nil, whatever); err != nil && !kube.Taken(err) {
			return nil, err
		}
	}
	return r.put(ctx, prior, nil, whatever)
}

func (r *run) was(ctx context.Context, service string) (Service, error) {
	if r.Was == nil {
		return Service{Name: service}, nil
	}
	return r.Was(ctx, service)
}

// essence is an object without what the cluster keeps about it, to be shown.
func essence(obj *kube.Object, scaled bool) map[string]any {
	out := obj.DeepCopy().Object
	delete(out, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"} {
		unstructured.RemoveNestedField(out, "metadata", field)
	}
	// Controllers count on, also when going back.
	unstructured.RemoveNestedField(out, "metadata", "annotations", "deployment.kubernetes.io/revision")
	unstructured.RemoveNestedField(out, "metadata", "annotations", appsv1.DeprecatedTemplateGeneration)
	// Who may write says nothing about what was written.
	unstructured.RemoveNestedField(out, "metadata", "annotations", kube.FenceAnnotation)
	if annotations, _, _ := unstructured.NestedMap(out, "metadata", "annotations"); len(annotations) == 0 {
		unstructured.RemoveNestedField(out, "metadata", "annotations")
	}
	if scaled {
		unstructured.RemoveNestedField(out, "spec", "replicas")
	}
	return out
}

// ownership is what slipway applied, since taking back includes what we own.
func ownership(obj *kube.Object) map[string]any {
	owned, err := kube.Owned(obj)
	if err != nil {
		return nil
	}
	return owned.Object
}
