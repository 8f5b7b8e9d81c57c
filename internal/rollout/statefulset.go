package rollout

import (
	"context"
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// statefulSet replaces its pods one by one, the highest number first, each once
// the one before is ready.
type statefulSet struct{ *appsv1.StatefulSet }

func (s statefulSet) wanted() int { return int(replicas(s.Spec.Replicas)) }

func (s statefulSet) template() corev1.PodSpec { return s.Spec.Template.Spec }

func (s statefulSet) ends() bool { return false }

// partition is how many of the first pods keep the old template, because the
// manifest says so.
func (s statefulSet) partition() int {
	if rolling := s.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil {
		return min(int(*rolling.Partition), s.wanted())
	}
	return 0
}

func (s statefulSet) news(all []*corev1.Pod) (out []*corev1.Pod) {
	if s.Status.ObservedGeneration < s.Generation {
		return nil // which revision is new, its controller has yet to say
	}
	for _, pod := range podsOf(s.UID, all) {
		if pod.Labels[appsv1.ControllerRevisionHashLabelKey] == s.Status.UpdateRevision {
			out = append(out, pod)
		}
	}
	return out
}

func (s statefulSet) missing(news []*corev1.Pod) string {
	wanted, ready := s.wanted()-s.partition(), countReady(news)
	switch {
	case s.Status.ObservedGeneration < s.Generation:
		return notSeen
	case len(news) < wanted:
		return fmt.Sprintf("%d of %d new pods exist", len(news), wanted)
	case ready < wanted:
		return fmt.Sprintf("%d of %d new pods are ready", ready, wanted)
	case int(s.Status.ReadyReplicas) < s.wanted():
		return fmt.Sprintf("%d of %d pods are ready", s.Status.ReadyReplicas, s.wanted())
	case int(s.Status.Replicas) > s.wanted():
		return "old pods are still there"
	case int(s.Status.AvailableReplicas) < s.wanted():
		return fmt.Sprintf("%d of %d pods are ready, but not yet available", ready, wanted)
	}
	return ""
}

func (s statefulSet) doomed(all []*corev1.Pod) *sign {
	if s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType && len(s.news(all)) < s.wanted() {
		return &sign{reason: "its StatefulSet replaces pods only when somebody deletes them (updateStrategy OnDelete), so nothing will happen"}
	}
	return nil
}

// stuck are the pods that its controller waits for before it touches another,
// although their template is gone: after a broken update it would wait for ever
// (kubernetes.io, StatefulSets, "Forced rollback").
func (s statefulSet) stuck(all []*corev1.Pod) (out []*corev1.Pod) {
	if s.Status.ObservedGeneration < s.Generation || s.Spec.PodManagementPolicy == appsv1.ParallelPodManagement {
		return nil
	}
	for _, pod := range podsOf(s.UID, all) {
		if pod.Labels[appsv1.ControllerRevisionHashLabelKey] != s.Status.UpdateRevision && !ready(pod) {
			out = append(out, pod)
		}
	}
	return out
}

// unstick deletes pods of a StatefulSet that is put back as long as they hold
// its controller up.
func (r *run) unstick(ctx context.Context, g goal) (stop func()) {
	if g.kind != statefulSetKind {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() {
		for ctx.Err() == nil {
			changed := r.view.changed.next()
			if s, ok := r.view.workload(g.kind, g.name).(statefulSet); ok && s.Generation >= g.generation {
				for _, pod := range s.stuck(r.view.pods.List()) {
					// One that cannot be deleted is what the wait reports at its deadline.
					_ = r.Cluster.DeletePod(ctx, pod)
				}
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	})
	return func() { cancel(); work.Wait() }
}
