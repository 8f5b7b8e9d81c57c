package rollout

import (
	"testing"

	"github.com/teei/slipway/internal/kube"
)

func TestSameIgnoresWhatTheClusterCounts(t *testing.T) {
	object := func(version, revision, image string, replicas int64) *kube.Object {
		return &kube.Object{Object: map[string]any{
			"metadata": map[string]any{"name": "api", "resourceVersion": version, "annotations": map[string]any{"deployment.kubernetes.io/revision": revision}},
			"spec":     map[string]any{"image": image, "replicas": replicas},
			"status":   map[string]any{"replicas": version},
		}}
	}
	before := object("1", "1", "a", 1)
	for _, tt := range []struct {
		name   string
		now    *kube.Object
		scaled bool
		want   bool
	}{
		{"only counters", object("2", "3", "a", 1), false, true},
		{"image", object("1", "1", "b", 1), false, false},
		{"replicas", object("1", "1", "a", 5), false, false},
		{"replicas of an autoscaler", object("1", "1", "a", 5), true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := same(tt.now, before, tt.scaled); got != tt.want {
				t.Errorf("same = %v, want %v", got, tt.want)
			}
		})
	}
}
