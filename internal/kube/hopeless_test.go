package kube

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestTaskWaitsForABusyNode(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`secret "x" not found`: `CreateContainerConfigError: secret "x" not found`,
		"failed to sync secret cache: timed out waiting for the condition":    "",
		"rpc error: code = DeadlineExceeded desc = context deadline exceeded": "",
	} {
		waiting := &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError", Message: message}
		pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: waiting}}}}}
		if got := taskFailed(nil, pod); got != want {
			t.Errorf("%s: failed of %q", message, got)
		}
	}
}
