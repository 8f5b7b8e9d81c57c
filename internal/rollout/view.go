package rollout

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/teei/slipway/internal/kube"
)

// view is what a rollout sees of the namespace: one watch a kind, begun before
// the first write, since a change that finishes in between would be missed and
// reported as a time-out.
type view struct {
	cluster      *kube.Cluster
	namespace    string
	deployments  *kube.Mirror[appsv1.Deployment]
	sets         *kube.Mirror[appsv1.ReplicaSet]
	statefulSets *kube.Mirror[appsv1.StatefulSet] // nil, as those below, where nothing is of the kind
	daemonSets   *kube.Mirror[appsv1.DaemonSet]
	jobs         *kube.Mirror[batchv1.Job]
	pods         *kube.Mirror[corev1.Pod]
	endpoints    map[string]*corev1.Service // those that the run does not change
	changed      bell
	missing      time.Duration // how long what pods refer to may be missing
}

// follow begins to look at the run's namespace.
func (r *run) follow(ctx context.Context, kinds map[string]bool) (*view, error) {
	v, err := follow(ctx, r.Cluster, r.Namespace, kinds)
	if v != nil {
		v.missing = r.Missing
	}
	return v, err
}

// follow begins the watches, those of rarer kinds only where they are needed.
func follow(ctx context.Context, c *kube.Cluster, namespace string, kinds map[string]bool) (*view, error) {
	v := &view{cluster: c, namespace: namespace}
	var err error
	if v.deployments, err = kube.Follow[appsv1.Deployment](ctx, c, kube.Deployments, namespace, v.changed.ring); err != nil {
		return v, err
	}
	if v.sets, err = kube.Follow[appsv1.ReplicaSet](ctx, c, kube.ReplicaSets, namespace, v.changed.ring); err != nil {
		return v, err
	}
	if err = v.followKinds(ctx, c, namespace, kinds); err != nil {
		return v, err
	}
	v.pods, err = kube.Follow[corev1.Pod](ctx, c, kube.Pods, namespace, v.changed.ring)
	return v, err
}

// followKinds begins the watches of rarer kinds that are not yet followed.
func (v *view) followKinds(ctx context.Context, c *kube.Cluster, namespace string, kinds map[string]bool) (err error) {
	if kinds[statefulSetKind] && v.statefulSets == nil {
		if v.statefulSets, err = kube.Follow[appsv1.StatefulSet](ctx, c, kube.StatefulSets, namespace, v.changed.ring); err != nil {
			return err
		}
	}
	if kinds[daemonSetKind] && v.daemonSets == nil {
		if v.daemonSets, err = kube.Follow[appsv1.DaemonSet](ctx, c, kube.DaemonSets, namespace, v.changed.ring); err != nil {
			return err
		}
	}
	if kinds[jobKind] && v.jobs == nil {
		v.jobs, err = kube.Follow[batchv1.Job](ctx, c, kube.Jobs, namespace, v.changed.ring)
	}
	return err
}

// workload is the live object of a kind and name, nil if there is none.
func (v *view) workload(kind, name string) workload {
	switch kind {
	case deploymentKind:
		if d := v.deployments.Get(name); d != nil {
			return deployment{d, v.sets.List()}
		}
	case statefulSetKind:
		if s := get(v.statefulSets, name); s != nil {
			return statefulSet{s}
		}
	case daemonSetKind:
		if d := get(v.daemonSets, name); d != nil {
			return daemonSet{d}
		}
	case jobKind:
		if j := get(v.jobs, name); j != nil {
			return job{j}
		}
	case podKind:
		if p := v.pods.Get(name); p != nil {
			return barePod{p}
		}
	}
	return nil
}

func get[T any](m *kube.Mirror[T], name string) *T {
	if m == nil {
		return nil
	}
	return m.Get(name)
}

// goal is what one workload is to reach.
type goal struct {
	kind, name string
	generation int64
	uid        types.UID // of the object that is to reach it
	exits      map[string]int32
	start      time.Time
	written    time.Time // by the cluster's clock; zero if it was not
	deadline   time.Time
	back       bool // it is taken back
}

// phase of a service that is waited for.
func (g goal) phase(forward Phase) Phase {
	if g.back {
		return Undoing
	}
	return forward
}

func (v *view) assess(g goal) verdict {
	return assess(state{workload: v.workload(g.kind, g.name), pods: v.pods.List(), generation: g.generation, uid: g.uid, exits: g.exits})
}

// wait returns when the goal is reached, cannot be reached, or was not reached
// in time. The error is the context's alone.
func (v *view) wait(ctx context.Context, g goal, tell func(verdict)) (verdict, error) {
	late := time.NewTimer(time.Until(g.deadline))
	defer late.Stop()
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	var last verdict
	further := v.looker(g)
	for {
		changed := v.changed.next()
		now := v.assess(g)
		further.add(&now)
		if now.ready != last.ready || now.waiting != last.waiting || now.why() != last.why() {
			tell(now)
		}
		if last = now; now.done || now.failure != nil {
			return now, nil
		}
		select {
		case <-changed:
		case <-beat.C:
			if now.failure = further.look(ctx, &now); now.failure != nil {
				return now, nil
			}
			tell(now)
		case <-late.C:
			now.failure = v.tooLate(g, now)
			return now, nil
		case <-ctx.Done():
			return now, context.Cause(ctx)
		}
	}
}

// gone waits until a workload does not exist any more.
func (v *view) gone(ctx context.Context, kind, name string) error {
	for {
		changed := v.changed.next()
		if v.workload(kind, name) == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
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
		break
	}
	why := now.why()
	if why == "" && found.pod != nil {
		why = unready(found.pod)
	}
	if why != "" {
		found.reason += ": " + why
	}
	return found
}

// unready says what holds a pod back that nothing else explains.
func unready(pod *corev1.Pod) string {
	if found := heldPod(pod); found != nil {
		return found.text
	}
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, c := range list {
			if w := c.State.Waiting; w != nil && w.Reason != "PodInitializing" {
				return Clean("container " + c.Name + " waits: " + w.Reason + " " + w.Message)
			}
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Running != nil && !c.Ready {
			return "container " + c.Name + " runs, but its readiness probe does not pass"
		}
	}
	return ""
}
