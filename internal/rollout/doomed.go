package rollout

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// doomed finds what waiting cannot heal: a second exit, a crash loop, an image
// that does not exist, configuration that is not there, pods that may not be
// made. One exit, a busy registry and a node without room are waited for.
func doomed(s state, set *appsv1.ReplicaSet, pods []*corev1.Pod) *sign {
	if s.deployment.Spec.Paused {
		return &sign{reason: "its Deployment is paused, so nothing will happen"}
	}
	for _, pod := range pods {
		for _, c := range pod.Status.InitContainerStatuses {
			if found := doomedContainer(s, pod, c, finishes(pod, c.Name)); found != nil {
				return found
			}
		}
		for _, c := range pod.Status.ContainerStatuses {
			if found := doomedContainer(s, pod, c, false); found != nil {
				return found
			}
		}
	}
	if set != nil {
		return refused(s, set)
	}
	return nil
}

// finishes tells init containers, which are meant to exit, from sidecars.
func finishes(pod *corev1.Pod, container string) bool {
	for _, c := range pod.Spec.InitContainers {
		if c.Name == container {
			return c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways
		}
	}
	return false
}

func doomedContainer(s state, pod *corev1.Pod, c corev1.ContainerStatus, finishes bool) *sign {
	found := sign{pod: pod, container: c.Name, exitCode: exitCode(c)}
	if w := c.State.Waiting; w != nil {
		if found.reason = doomedWaiting(c, w); found.reason != "" {
			return &found
		}
	}
	if finishes && c.State.Terminated != nil && c.State.Terminated.ExitCode == 0 {
		return nil
	}
	if exits := exits(c) - s.exits[exitKey(pod, c.Name)]; exits >= 2 {
		found.reason = fmt.Sprintf("container %s exited %d times%s", c.Name, exits, because(c))
		return &found
	}
	return nil
}

func doomedWaiting(c corev1.ContainerStatus, w *corev1.ContainerStateWaiting) string {
	switch w.Reason {
	case "CrashLoopBackOff":
		return fmt.Sprintf("container %s exits again and again%s", c.Name, because(c))
	case "ErrImagePull", "ImagePullBackOff":
		if strings.Contains(w.Message, "not found") || strings.Contains(w.Message, "manifest unknown") {
			return fmt.Sprintf("image %s was not found", c.Image)
		}
	case "InvalidImageName":
		return fmt.Sprintf("image %s is not a valid name", c.Image)
	case "ErrImageNeverPull":
		return fmt.Sprintf("image %s is not on the node and may not be pulled", c.Image)
	case "CreateContainerConfigError":
		if !strings.Contains(w.Message, "failed to sync") {
			return fmt.Sprintf("container %s cannot be configured: %s", c.Name, Clean(w.Message))
		}
	case "RunContainerError", "ContainerCannotRun", "StartError":
		// A node under load reports its own time-outs in the same way.
		if !strings.Contains(w.Message, "deadline exceeded") {
			return fmt.Sprintf("container %s cannot be started: %s", c.Name, Clean(w.Message))
		}
	}
	return ""
}

// exits counts the ends of a container: restarts, and one more that has not been followed by a restart.
func exits(c corev1.ContainerStatus) int32 {
	if c.State.Terminated != nil {
		return c.RestartCount + 1
	}
	return c.RestartCount
}

func exitKey(pod *corev1.Pod, container string) string { return string(pod.UID) + "/" + container }

// exitsOf remembers the exits up to now, so that only later ones count.
func exitsOf(pods []*corev1.Pod) map[string]int32 {
	out := map[string]int32{}
	for _, pod := range pods {
		for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
			for _, c := range list {
				out[exitKey(pod, c.Name)] = exits(c)
			}
		}
	}
	return out
}

func lastEnd(c corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if c.State.Terminated != nil {
		return c.State.Terminated
	}
	return c.LastTerminationState.Terminated
}

func exitCode(c corev1.ContainerStatus) *int32 {
	if end := lastEnd(c); end != nil {
		return &end.ExitCode
	}
	return nil
}

func because(c corev1.ContainerStatus) string {
	end := lastEnd(c)
	switch {
	case end == nil:
		return ""
	case end.Reason == "OOMKilled":
		return ", killed because it needs more memory than its limit"
	case end.Reason == "StartError" || end.Reason == "ContainerCannotRun":
		return ": it cannot be started: " + Clean(end.Message)
	case end.Signal != 0:
		return fmt.Sprintf(", last by signal %d", end.Signal)
	}
	return fmt.Sprintf(", last with code %d", end.ExitCode)
}

// refused is the API server not letting the new ReplicaSet make pods.
func refused(s state, set *appsv1.ReplicaSet) *sign {
	for _, c := range set.Status.Conditions {
		if c.Type != appsv1.ReplicaSetReplicaFailure || c.Status != corev1.ConditionTrue || c.Reason != "FailedCreate" {
			continue
		}
		final := strings.Contains(c.Message, "forbidden") || strings.Contains(c.Message, "denied the request") || strings.Contains(c.Message, "is invalid")
		passing := strings.Contains(c.Message, "error looking up service account") || strings.Contains(c.Message, "status unknown for quota") ||
			strings.Contains(c.Message, "exceeded quota") && makesRoom(s, set)
		if final && !passing {
			return &sign{reason: "its pods may not be created: " + Clean(c.Message)}
		}
	}
	return nil
}

// makesRoom reports whether old pods will go without waiting for new ones, and
// so free their share of the quota.
func makesRoom(s state, set *appsv1.ReplicaSet) bool {
	old := 0
	for _, pod := range s.pods {
		for _, other := range s.sets {
			if other.UID != set.UID && controlledBy(other.OwnerReferences, s.deployment.UID) && controlledBy(pod.OwnerReferences, other.UID) {
				if pod.DeletionTimestamp != nil {
					return true
				}
				old++
			}
		}
	}
	rolling := s.deployment.Spec.Strategy.RollingUpdate
	if rolling == nil || rolling.MaxUnavailable == nil {
		return old > 0
	}
	none := rolling.MaxUnavailable.IntValue() == 0 && (rolling.MaxUnavailable.StrVal == "" || percentOf(rolling.MaxUnavailable.StrVal, replicas(s.deployment)) == 0)
	return old > 0 && !none
}

func percentOf(share string, of int32) int32 {
	var percent int32
	if _, err := fmt.Sscanf(share, "%d%%", &percent); err != nil {
		return 0
	}
	return percent * of / 100
}
