package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/testenv"
)

// A service that was broken before, in whatever way, and that a release does not
// change neither holds it up nor fails it; the one that is mended is released.
func TestNeighboursDoNotDecide(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	sick := []app{
		version("crashes", "1").with("EXIT", "no database"), version("unready", "1").with("UNREADY", "1"),
		version("answers-500", "1").with("HEALTH", "500"), version("idle", "1"), version("mended", "1").with("EXIT", "old"),
	}
	for _, obj := range s.options(sick...).Objects {
		if _, err := s.cluster.Apply(t.Context(), obj, kube.ApplyOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	testenv.Kubectl(t, "--namespace", s.namespace, "scale", "deployment/idle", "--replicas", "0")
	testenv.Kubectl(t, "--namespace", s.namespace, "wait", "deployment/answers-500", "--for", "condition=Available", "--timeout", "2m")
	sick[4] = version("mended", "2")
	start := time.Now()
	result := s.deploy(sick...)
	if took := time.Since(start); took > 40*time.Second {
		t.Errorf("the neighbours were waited for: %s", took)
	}
	for _, out := range result.Services {
		unhealthy := out.Name != "mended" && out.Name != "idle"
		if out.Healthy == unhealthy || (out.Before != "") != unhealthy || out.Changed != (out.Name == "mended") {
			t.Errorf("%+v", out)
		}
	}
	for _, name := range []string{"crashes", "unready", "answers-500", "idle"} {
		if !slices.ContainsFunc(s.progress, func(p Progress) bool { return p.Service == name && p.Phase == Passed && p.Detail != "" }) {
			t.Errorf("nobody was told of %s", name)
		}
	}
	if answer, err := Inspect(t.Context(), s.options(version("idle", "1"))); err != nil || !answer.Services[0].Healthy || answer.Services[0].Pods != 0 {
		t.Errorf("a service that asks for no pods: %v, %+v", err, answer.Services)
	}

	// The same where it was healthy before: then it is this release that broke it.
	o := s.options(version("mended", "3"), sick[1])
	o.Before, o.Deadline = []ledger.Condition{}, 15*time.Second
	result, err := Deploy(t.Context(), o)
	if err == nil || result.Failure.Service != "unready" || !strings.HasPrefix(s.versions()["mended"], "2 ") {
		t.Errorf("%v, %+v, %v", err, result.Failure, s.versions())
	}
}
