package status

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A pod that was evicted beside its healthy replacement says nothing of the service.
func TestDeadPodsAreNoTrouble(t *testing.T) {
	labels := map[string]string{"app": "web"}
	dead := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: labels}}
	dead.Status.Phase = corev1.PodFailed
	dead.Status.ContainerStatuses = []corev1.ContainerStatus{{RestartCount: 7, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}}}
	found := &workload{selector: &metav1.LabelSelector{MatchLabels: labels}, wanted: 1, ready: 1}
	if s := serviceOf("web", found, []*corev1.Pod{dead}); s.Trouble != "" || s.Restarts != 0 {
		t.Errorf("%+v", s)
	}
}
