package rollout

import (
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube"
)

// A service that goes back has to answer, and not only to be available. What is
// wrong with one does not keep the others from going back.
func TestUndoAsksForHealth(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.options(version("gateway", "1"), version("profile", "1").with("HEALTH", "500"))
	first.Services[1].Health = ""
	if _, err := Deploy(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	result, err := Deploy(t.Context(), s.options(version("gateway", "2"), version("profile", "2"), version("cockpit", "2").with("EXIT", "no database")))
	if all := Failures(err); len(all) != 2 || all[0].Service != "cockpit" || all[1].Service != "profile" || len(all[1].Events) == 0 {
		t.Fatalf("%v", err)
	}
	for _, u := range result.Undone {
		sick := u.Service == "profile"
		if u.Verified == sick || sick && !strings.Contains(u.Error, "does not answer /health on port 8080: 500") {
			t.Errorf("%+v", u)
		}
	}
	if now := s.versions(); now["gateway"] != "1 1/1" || now["profile"] != "1 1/1" {
		t.Errorf("after the undo: %v", now)
	}
}

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
