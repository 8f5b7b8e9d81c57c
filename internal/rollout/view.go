package rollout

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

// view is what a rollout sees of the namespace: one watch a kind, begun before
// the first write, since a change that finishes in between would be missed and
// reported as a time-out.
type view struct {
	deployments *kube.Mirror[appsv1.Deployment]
	sets        *kube.Mirror[appsv1.ReplicaSet]
	pods        *kube.Mirror[corev1.Pod]
	changed     chan struct{}
}

func follow(ctx context.Context, c *kube.Cluster, namespace string) (*view, error) {
	v := &view{changed: make(chan struct{}, 1)}
	wake := func() {
		select {
		case v.changed <- struct{}{}:
		default:
		}
	}
	var err error
	if v.deployments, err = kube.Follow[appsv1.Deployment](ctx, c, kube.Deployments, namespace, wake); err != nil {
		return nil, err
	}
	if v.sets, err = kube.Follow[appsv1.ReplicaSet](ctx, c, kube.ReplicaSets, namespace, wake); err != nil {
		return nil, err
	}
	v.pods, err = kube.Follow[corev1.Pod](ctx, c, kube.Pods, namespace, wake)
	return v, err
}

// goal is what one Deployment is to reach.
type goal struct {
	name       string
	generation int64
	exits      map[string]int32
	start      time.Time
	deadline   time.Time
}

func (v *view) assess(g goal) verdict {
	return assess(state{
		deployment: v.deployments.Get(g.name), sets: v.sets.List(), pods: v.pods.List(),
		generation: g.generation, exits: g.exits,
	})
}

// wait returns when the goal is reached, cannot be reached, or was not reached
// in time. The error is the context's alone.
func (v *view) wait(ctx context.Context, g goal, tell func(verdict)) (verdict, error) {
	late := time.NewTimer(time.Until(g.deadline))
	defer late.Stop()
	beat := time.NewTicker(10 * time.Second)
	defer beat.Stop()
	var last verdict
	for {
		now := v.assess(g)
		if now.ready != last.ready || now.waiting != last.waiting {
			tell(now)
		}
		if last = now; now.done || now.failure != nil {
			return now, nil
		}
		select {
		case <-v.changed:
		case <-beat.C:
			tell(now)
		case <-late.C:
			now.failure = v.tooLate(g, now)
			return now, nil
		case <-ctx.Done():
			return now, context.Cause(ctx)
		}
	}
}

// gone waits until a Deployment does not exist any more.
func (v *view) gone(ctx context.Context, name string) error {
	for v.deployments.Get(name) != nil {
		select {
		case <-v.changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// tooLate says what was missing at the deadline.
func (v *view) tooLate(g goal, now verdict) *sign {
	found := &sign{reason: "not healthy " + g.deadline.Sub(g.start).Round(time.Second).String() + " after the change: " + now.waiting}
	if err := v.pods.Err(); err != nil {
		found.reason += ", and the API server does not answer: " + err.Error()
		return found
	}
	for _, pod := range now.pods {
		if ready(pod) {
			continue
		}
		found.pod = pod
		if why := unready(pod); why != "" {
			found.reason += ": " + why
		}
		break
	}
	return found
}

// unready says what holds a pod back.
func unready(pod *corev1.Pod) string {
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, c := range list {
			if w := c.State.Waiting; w != nil && w.Reason != "PodInitializing" {
				return Clean("container " + c.Name + " waits: " + w.Reason + " " + w.Message)
			}
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return Clean("no node takes it: " + c.Message)
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Running != nil && !c.Ready {
			return "container " + c.Name + " runs, but its readiness probe does not pass"
		}
	}
	return ""
}
