package kube

import (
	"context"
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// EndTask ends a task of that name, whoever began it, and returns once its pod is
// gone, so that nothing of it is under way any more. One that is not there is fine,
// and so is a Job that only has its name: that stays. Of one that is, Still is asked,
// nil for nothing: if that fails, it may be the task of whoever has overtaken us, and
// is left alone.
func (c *Cluster) EndTask(ctx context.Context, t Task) error {
	live, err := c.taskJob(ctx, t)
	if err != nil || live == nil || !t.marked(live) {
		return err
	}
	if t.Still != nil {
		if err := t.Still(ctx); err != nil {
			return err
		}
	}
	return c.endJob(ctx, live)
}

func (c *Cluster) taskJob(ctx context.Context, t Task) (*Object, error) {
	return c.Read(ctx, &Object{Object: map[string]any{"apiVersion": "batch/v1", "kind": "Job", "metadata": map[string]any{"namespace": t.Namespace, "name": t.Name}}})
}

const (
	taskLabel = "slipway.dev/task"
	// LedgerLabel says in which ledger the release is recorded that made something.
	LedgerLabel = "slipway.dev/ledger"
)

// marked reports whether a Job is a task of that name, and of the same ledger: Jobs
// are known by their labels. Older versions named no ledger.
func (t Task) marked(job *Object) bool {
	labels := job.GetLabels()
	of, ours := labels[LedgerLabel], t.Labels[LedgerLabel]
	return labels["app.kubernetes.io/managed-by"] == Manager && labels[taskLabel] == t.Name && (of == "" || ours == "" || of == ours)
}

// TakenError says that somebody else's Job has the name of a task.
type TakenError struct{ Job string }

func (e *TakenError) Error() string {
	return e.Job + " is there and is no task of this platform's releases; it was left alone"
}

// Hint says what to do about it.
func (e *TakenError) Hint() string { return "rename it or delete it, if nobody needs it" }

// EndTasks ends those that have a label, of the ledger that like names.
func (c *Cluster) EndTasks(ctx context.Context, like Task, label string) error {
	jobs, err := c.Metadata(ctx, Jobs, like.Namespace, label)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		like.Name = job.Name
		if err := c.EndTask(ctx, like); err != nil {
			return err
		}
	}
	return nil
}

// endJob deletes a Job as it was read, and no other of its name, and returns once
// its pod is gone.
func (c *Cluster) endJob(ctx context.Context, job *Object) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	uid := job.GetUID()
	only := job.DeepCopy()
	only.SetResourceVersion("") // its status moves on
	if err := c.Delete(ctx, only); err != nil && !Stale(err) {
		return err
	}
	look, changed := signal()
	jobs, err := Follow[batchv1.Job](ctx, c, Jobs, job.GetNamespace(), changed)
	if err != nil {
		return err
	}
	pods, err := Follow[corev1.Pod](ctx, c, Pods, job.GetNamespace(), changed)
	if err != nil {
		return err
	}
	for {
		left := jobs.Get(job.GetName())
		gone := left == nil || left.UID != uid
		if gone && !slices.ContainsFunc(pods.List(), func(p *corev1.Pod) bool { return ownedBy(p, uid) }) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("end %s: %w", ID(job), context.Cause(ctx))
		case <-look:
		}
	}
}

func ownedBy(pod *corev1.Pod, uid types.UID) bool {
	return slices.ContainsFunc(pod.OwnerReferences, func(o metav1.OwnerReference) bool { return o.UID == uid })
}

// signal is a channel that has something whenever changed was called since it
// was read.
func signal() (look <-chan struct{}, changed func()) {
	c := make(chan struct{}, 1)
	return c, func() {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
