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

// EndTask ends a task, whoever began it, and returns once its pod is gone, so
// that nothing of it is under way any more. One that is not there is fine. Of one
// that is, still is asked, nil for nothing: if that fails, it may be the task of
// whoever has overtaken us, and is left alone.
func (c *Cluster) EndTask(ctx context.Context, namespace, name string, still func(context.Context) error) error {
	job := &Object{Object: map[string]any{"apiVersion": "batch/v1", "kind": "Job", "metadata": map[string]any{"namespace": namespace, "name": name}}}
	live, err := c.Read(ctx, job)
	if err != nil || live == nil {
		return err
	}
	if still != nil {
		if err := still(ctx); err != nil {
			return err
		}
	}
	return c.endJob(ctx, live)
}

// EndTasks ends those that have a label.
func (c *Cluster) EndTasks(ctx context.Context, namespace, label string, still func(context.Context) error) error {
	jobs, err := c.Metadata(ctx, Jobs, namespace, label)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		if err := c.EndTask(ctx, namespace, job.Name, still); err != nil {
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
