package rollout

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// daemonSet has a pod on each node that it fits.
type daemonSet struct{ *appsv1.DaemonSet }

func (d daemonSet) wanted() int { return int(d.Status.DesiredNumberScheduled) }

func (d daemonSet) template() corev1.PodSpec { return d.Spec.Template.Spec }

func (d daemonSet) ends() bool { return false }

// templateGeneration is the label with which the controller marks the pods of a
// template. Deprecated since apps/v1, and still what it decides by itself
// (IsPodUpdated in k8s.io/kubernetes/pkg/controller/daemon/util), with the hash
// of a ControllerRevision that nobody else needs to read.
const templateGeneration = "pod-template-generation"

func (d daemonSet) news(all []*corev1.Pod) (out []*corev1.Pod) {
	for _, pod := range podsOf(d.UID, all) {
		if generation := pod.Labels[templateGeneration]; generation != "" && generation == d.Annotations[appsv1.DeprecatedTemplateGeneration] {
			out = append(out, pod)
		}
	}
	return out
}

func (d daemonSet) missing(news []*corev1.Pod) string {
	status, ready := d.Status, countReady(news)
	switch {
	case status.ObservedGeneration < d.Generation:
		return notSeen
	case int(status.UpdatedNumberScheduled) < d.wanted():
		return fmt.Sprintf("%d of %d new pods exist", status.UpdatedNumberScheduled, d.wanted())
	case ready < d.wanted():
		return fmt.Sprintf("%d of %d new pods are ready", ready, d.wanted())
	case int(status.NumberAvailable) < d.wanted():
		return fmt.Sprintf("%d of %d new pods are ready, but not yet available", ready, d.wanted())
	}
	return ""
}

func (d daemonSet) doomed(all []*corev1.Pod) *sign {
	if d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType && len(d.news(all)) < len(podsOf(d.UID, all)) {
		return &sign{reason: "its DaemonSet replaces pods only when somebody deletes them (updateStrategy OnDelete), so nothing will happen"}
	}
	return nil
}
