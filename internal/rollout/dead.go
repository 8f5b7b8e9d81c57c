package rollout

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// dead reports whether a pod has come to its end for good: it was evicted, its
// node shut down, or all its containers ended. Its controller has made another
// one, or will, and the dead one stays in the list until somebody deletes it.
func dead(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}

// leaving reports whether a pod is on its way out and not by its own doing: it is
// deleted, drained, evicted or preempted. That its containers end is the purpose.
func leaving(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil || dead(pod) {
		return true
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			return true
		}
	}
	return false
}

// livingAndDead takes the dead pods out.
func livingAndDead(pods []*corev1.Pod) (living, gone []*corev1.Pod) {
	for _, pod := range pods {
		if dead(pod) {
			gone = append(gone, pod)
		} else {
			living = append(living, pod)
		}
	}
	return living, gone
}

// died are those that were not dead yet when we wrote.
func (s state) died(gone []*corev1.Pod) (since []*corev1.Pod) {
	for _, pod := range gone {
		if s.exits[exitKey(pod, "")] == 0 {
			since = append(since, pod)
		}
	}
	return since
}

// outgrown finds pods that are evicted again and again because they take more
// than they are allowed: the next one will too. A node that is short of something
// or goes down is nothing that the service can help.
func outgrown(died []*corev1.Pod) *sign {
	var last *corev1.Pod
	times := 0
	for _, pod := range died {
		if pod.Status.Reason == "Evicted" && strings.Contains(pod.Status.Message, "exceed") {
			last = pod
			times++
		}
	}
	if times < 2 {
		return nil
	}
	return &sign{reason: "its pods are evicted again and again: " + Clean(last.Status.Message), pod: last}
}

// deathOf says what a pod died of.
func deathOf(pod *corev1.Pod) string {
	why := strings.TrimSpace(pod.Status.Reason + " " + pod.Status.Message)
	for _, c := range pod.Status.ContainerStatuses {
		if why == "" {
			why = strings.TrimPrefix(because(c), ", ")
		}
	}
	if why == "" {
		why = string(pod.Status.Phase)
	}
	return Clean("pod " + pod.Name + " died: " + why)
}
