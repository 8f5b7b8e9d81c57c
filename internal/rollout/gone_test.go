package rollout

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestMaker: which workload a pod belongs to.
func TestMaker(t *testing.T) {
	yes := true
	for want, pod := range map[string]corev1.Pod{
		"Pod/lone":              {ObjectMeta: metav1.ObjectMeta{Name: "lone"}},
		"Deployment/web-api":    {ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"pod-template-hash": "7d9f"}, OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web-api-7d9f", Controller: &yes}}}},
		"StatefulSet/store":     {ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: "StatefulSet", Name: "store", Controller: &yes}}}},
		"Job/prepare":           {ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: "Job", Name: "prepare", Controller: &yes}}}},
		"Pod/not-of-its-owners": {ObjectMeta: metav1.ObjectMeta{Name: "not-of-its-owners", OwnerReferences: []metav1.OwnerReference{{Kind: "Node", Name: "one"}}}},
	} {
		if got := maker(&pod); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
