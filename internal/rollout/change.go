package rollout

import (
	"context"
	"errors"
	"fmt"
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
	// Begin notes what a step is about to change. If it fails, nothing is written.
	Begin(ctx context.Context, step string, changes []Change) error
	// Answered is told how long the slowest healthy answer of a step's service
	// took; it is noted with the end of the step.
	Answered(step string, took time.Duration)
	// End notes how the step ended.
	End(ctx context.Context, step string, outcome error) error
}

// Steps that are not named after a service.
const (
	Configuration = "configuration" // applies what is no service's workload
	TakeBack      = "take back"     // undoes what a failed rollout changed
)

// Guard decides on each write. It is given the object as it is now, nil if it
// does not exist, and refuses when a later release has laid hands on it.
type Guard func(ctx context.Context, live *kube.Object) error

// EditedError says that somebody changed an object in the middle of the release.
type EditedError struct {
	Object, Manager string
}

func (e *EditedError) Error() string {
	return fmt.Sprintf("%s was changed by %s while this release ran; that change was not overwritten", e.Object, e.Manager)
}

// Hint says what to do about it.
func (e *EditedError) Hint() string {
	return "put the change into the manifests, or take it back, and release again"
}

// step runs a part of the rollout between two notes in the journal.
func (r *run) step(ctx context.Context, name string, changes []Change, act func() error) error {
	if err := r.begin(ctx, name, changes); err != nil {
		return err
	}
	err := act()
	if r.Journal == nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// The outcome is noted also when the run was cancelled meanwhile.
	return errors.Join(err, r.Journal.End(context.WithoutCancel(ctx), name, err))
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
	c := Change{Object: named(d.Object), Before: d.Before, Service: d.Service, Ran: ranBefore(d.Before)}
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

// put writes an object over what was just read and no other: somebody else's
// write in between makes the API server refuse ours. Where expected is given,
// the object must still be what it was then.
func (r *run) put(ctx context.Context, obj, expected *kube.Object) (*kube.Object, error) {
	for try := 1; ; try++ {
		live, err := r.Cluster.Read(ctx, obj)
		if err != nil {
			return nil, err
		}
		if r.Guard != nil {
			if err := r.Guard(ctx, live); err != nil {
				return nil, err
			}
		}
		if expected != nil && live != nil && !same(live, expected, r.autoscales(obj)) {
			// Our own write, of which only the answer was lost, is nobody's edit.
			if who := kube.LastManager(live); who != kube.Manager {
				return nil, &EditedError{Object: kube.ID(obj), Manager: who}
			}
		}
		send := obj.DeepCopy()
		if live != nil {
			send.SetResourceVersion(live.GetResourceVersion())
		}
		applied, err := r.Cluster.Apply(ctx, send, kube.ApplyOptions{})
		if kube.Stale(err) && try < mostConflicts && ctx.Err() == nil {
			continue
		}
		return applied, err
	}
}
