package rollout

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/teei/slipway/internal/kube"
)

// Change is one object that a rollout sets out to write, and all that is needed
// to take the write back, also by another process.
type Change struct {
	// Object names it: kind, namespace and name.
	Object *kube.Object `json:"object"`
	// Before is the object as it was; nil if it did not exist.
	Before *kube.Object `json:"before,omitempty"`
	// Service, if it is a service's workload.
	Service string `json:"service,omitempty"`
	// Ran says that it ran before, so it must run again.
	Ran bool `json:"ran,omitempty"`
}

// Journal is told of each step before and after it, so that a rollout whose
// process dies can be continued or taken back by another.
type Journal interface {
	// Prepare is told beforehand what the steps to come are about to change, so that
	// all of it can be noted at once. It says nothing about whether they begin.
	Prepare(ctx context.Context, steps map[string][]Change) error
	// Begin notes what a step is about to change. If it fails, nothing is written.
	Begin(ctx context.Context, step string, changes []Change) error
	// Answered is told how long the slowest healthy answer of a step's service
	// took; it is noted with the end of the step.
	Answered(step string, took time.Duration)
	// End notes how the step ended.
	End(ctx context.Context, step string, outcome error) error
	// Ended is End of a step that went well and that is followed at once: by the
	// next one, with whose beginning it may be noted, or by the end of the rollout.
	Ended(step string)
}

// Steps that are not named after a service.
const (
	Configuration = "configuration" // applies what is no service's workload
	TakeBack      = "take back"     // undoes what a failed rollout changed; one service of it has its name behind
	Verification  = "verify"        // of all services together
)

// Guard decides on each write. It is given the object as it is now, nil if it
// does not exist, and refuses when a later release has laid hands on it.
type Guard func(ctx context.Context, live *kube.Object) error

// step runs a part of the rollout between two notes in the journal.
func (r *run) step(ctx context.Context, name string, changes []Change, act func() error) error {
	if err := r.begin(ctx, name, changes); err != nil {
		return err
	}
	err := act()
	r.mu.Lock()
	defer r.mu.Unlock()
	var edited *EditedError
	if errors.As(err, &edited) {
		r.leave(edited)
	}
	if r.Journal == nil {
		return err
	}
	if err == nil && r.followed[name] && ctx.Err() == nil {
		r.Journal.Ended(name)
		return nil
	}
	// The outcome is noted also when the run was cancelled meanwhile.
	return errors.Join(err, r.Journal.End(context.WithoutCancel(ctx), name, err))
}

// leave strikes an object off those that are taken back, since this release wrote
// nothing over what somebody made of it.
func (r *run) leave(edited *EditedError) {
	if _, noted := r.earlier[edited.Object]; noted {
		return
	}
	r.done = slices.DeleteFunc(r.done, func(c Change) bool {
		if kube.ID(c.Object) != edited.Object {
			return false
		}
		r.result.Left = append(r.result.Left, Left{ID: edited.Object, Service: c.Service, By: edited.Manager, Fields: edited.Fields})
		return true
	})
}

func (r *run) answered(step string, took time.Duration) {
	if r.Journal == nil || took == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Journal.Answered(step, took)
}

func (r *run) begin(ctx context.Context, name string, changes []Change) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range changes {
		if _, noted := r.earlier[kube.ID(c.Object)]; !noted {
			r.done = append(r.done, c)
		}
	}
	if r.Journal == nil {
		return nil
	}
	return r.Journal.Begin(ctx, name, changes)
}

// change describes what is about to be written. What an earlier attempt at this
// release noted counts, not what it may have made of it since.
func (r *run) change(d Difference) Change {
	c := Change{Object: named(d.Object), Before: d.Before, Service: d.Service, Ran: ranBefore(d.Before) && r.ran(d)}
	if earlier, ok := r.earlier[kube.ID(d.Object)]; ok {
		c = earlier
	}
	return c
}

// named is an object's identity alone.
func named(obj *kube.Object) *kube.Object {
	out := &kube.Object{}
	out.SetAPIVersion(obj.GetAPIVersion())
	out.SetKind(obj.GetKind())
	out.SetNamespace(obj.GetNamespace())
	out.SetName(obj.GetName())
	return out
}

// mostConflicts is how often a write is tried again because the object's status
// moved on between reading and writing.
const mostConflicts = 20

// write makes an object what a release wants. What somebody else made or changed
// since it was looked at is not overwritten.
func (r *run) write(ctx context.Context, d Difference) (*kube.Object, error) {
	allowed := func(live *kube.Object) error { return r.unedited(d.Object, live, d.Before) }
	if r.change(d).Before == nil && !d.Replaced {
		allowed = unmade
		if err := unmade(d.Before); err != nil { // an attempt that died had meant to make it
			return nil, err
		}
	}
	return r.put(ctx, d.Object, d.Before, allowed)
}

// put writes an object over what was read and no other: somebody else's write in
// between makes the API server refuse ours. Where expected is given, it is written
// over just that, and read once more only if it has moved on. What is read has to be
// allowed. One that is not there is made first.
func (r *run) put(ctx context.Context, obj, expected *kube.Object, allowed func(live *kube.Object) error) (*kube.Object, error) {
	if expected != nil {
		if err := r.guard(ctx, expected); err != nil {
			return nil, err
		}
		if applied, err := r.apply(ctx, obj, expected); !kube.Conflicts(err) {
			return applied, errors.Join(err, going(applied))
		}
	}
	made, scaled := false, false
	for try := 1; ; try++ {
		live, err := r.readGuarded(ctx, obj)
		if err != nil && made {
			return nil, errors.Join(err, r.unmake(ctx, obj))
		}
		if err != nil {
			return nil, err
		}
		if err := going(live); err != nil {
			return nil, err
		}
		if err := allowed(live); err != nil {
			return nil, err
		}
		if live == nil {
			made = true // perhaps, whatever the answer is
			if err = r.create(ctx, obj); err == nil {
				continue // as with one that was there
			}
		} else {
			live, err = r.apply(ctx, obj, live)
		}
		again := kube.Stale(err) || kube.Exists(err) || scaledMeanwhile(err) && !scaled
		scaled = scaledMeanwhile(err) // which the next try leaves alone
		if again && try < mostConflicts && ctx.Err() == nil {
			continue
		}
		return live, err
	}
}

// readGuarded reads an object, and asks whether this run may write it.
func (r *run) readGuarded(ctx context.Context, obj *kube.Object) (*kube.Object, error) {
	live, err := r.Cluster.Read(ctx, obj)
	if err != nil {
		return nil, err
	}
	return live, r.guard(ctx, live)
}

// create makes an object. A run that is cancelled waits for the answer: it has to
// know whether there is something to take back.
func (r *run) create(ctx context.Context, obj *kube.Object) error {
	making, stop := kube.Outlast(ctx, context.WithoutCancel(ctx), 3*time.Second)
	defer stop()
	_, err := r.Cluster.Make(making, obj)
	return err
}

// apply writes an object that is there, as it was read. Of one that was deleted
// meanwhile the API server ignores the version, and not the UID: without it, the
// apply would make another.
func (r *run) apply(ctx context.Context, obj, live *kube.Object) (*kube.Object, error) {
	send := r.leaveReplicas(obj, live).DeepCopy()
	send.SetResourceVersion(live.GetResourceVersion())
	send.SetUID(live.GetUID())
	applied, err := r.Cluster.Apply(ctx, send, kube.ApplyOptions{Over: live})
	if err != nil || !kube.Made(applied) {
		return applied, err
	}
	return r.Cluster.Own(ctx, applied)
}

// unmake deletes what this run made and should not have, unless another run has
// laid hands on it, and so takes care of it. What may hold data stays, as it does
// when a release goes back.
func (r *run) unmake(ctx context.Context, obj *kube.Object) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	live, err := r.Cluster.Read(ctx, obj)
	if err != nil || live == nil || !r.Cluster.Untouched(live) || keeps[live.GetKind()] || kube.Kept(live) != "" {
		return err
	}
	if err := r.Cluster.Delete(ctx, live); err != nil && !kube.Stale(err) {
		return err
	}
	return nil
}

func (r *run) guard(ctx context.Context, live *kube.Object) error {
	if err := r.yields(live); err != nil {
		return err
	}
	if r.Guard == nil {
		return nil
	}
	return r.Guard(ctx, live)
}
