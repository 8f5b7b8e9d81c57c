package rollout

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// doomed finds what waiting cannot heal: a second exit, a crash loop, an image
// that does not exist, configuration that is wrong, pods that may not be made.
// One exit, a busy registry and a node without room are waited for; what a pod
// refers to and is not there is, for a while.
func doomed(s state, news []*corev1.Pod) *sign {
	if found := s.workload.doomed(s.pods); found != nil {
		return found
	}
	for _, pod := range news {
		for _, c := range pod.Status.InitContainerStatuses {
			if found := doomedContainer(s, pod, c, finishes(pod, c.Name)); found != nil {
				return found
			}
		}
		for _, c := range pod.Status.ContainerStatuses {
			if found := doomedContainer(s, pod, c, s.workload.ends()); found != nil {
				return found
			}
		}
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

// cannotRun is the reason of a container whose command the node cannot execute.
// With runtimeFailed it was the container runtime that failed, and the next try
// may succeed; the second exit decides then, as of any other.
const (
	cannotRun     = "ContainerCannotRun"
	runtimeFailed = 128
)

func doomedContainer(s state, pod *corev1.Pod, c corev1.ContainerStatus, finishes bool) *sign {
	found := sign{pod: pod, container: c.Name, exitCode: exitCode(c)}
	_, counted := s.workload.(job) // its controller counts how often it may fail
	if w := c.State.Waiting; w != nil && (w.Reason != "CrashLoopBackOff" || !counted) {
		if found.reason = doomedWaiting(c, w); found.reason != "" {
			return &found
		}
	}
	if finishes && c.State.Terminated != nil && c.State.Terminated.ExitCode == 0 {
		return nil
	}
	if counted {
		return nil
	}
	exits := exits(c) - s.exits[exitKey(pod, c.Name)]
	if end := lastEnd(c); exits > 0 && end != nil && end.Reason == cannotRun && end.ExitCode != runtimeFailed {
		found.reason = fmt.Sprintf("container %s cannot be started: %s", c.Name, Clean(end.Message))
		return &found
	}
	if exits >= 2 {
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
		if !strings.Contains(w.Message, "failed to sync") && lackOf(w.Message, nil) == nil {
			return fmt.Sprintf("container %s cannot be configured: %s", c.Name, Clean(w.Message))
		}
	case cannotRun:
		if end := lastEnd(c); end == nil || end.ExitCode != runtimeFailed {
			return fmt.Sprintf("container %s cannot be started: %s", c.Name, Clean(w.Message))
		}
	case "RunContainerError", "StartError":
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

// exitsOf remembers the exits up to now, so that only later ones count, and under
// no container's name which pods were dead.
func exitsOf(pods []*corev1.Pod) map[string]int32 {
	out := map[string]int32{}
	for _, pod := range pods {
		if dead(pod) {
			out[exitKey(pod, "")] = 1
		}
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
