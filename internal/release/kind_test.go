package release

import (
	"slices"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/testenv/testenv"
)

// TestRollbackOfAnotherKind: a Deployment that becomes a StatefulSet is in the plan
// with both objects, is released as one step, and a rollback brings the Deployment
// back and leaves nothing of the other.
func TestRollbackOfAnotherKind(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.planning()
	d.released(d.approve(d.plan(first)), first)
	second := d.planning("kind: Deployment", "kind: StatefulSet", "spec:\n  selector: {matchLabels", "spec:\n  serviceName: web\n  selector: {matchLabels")
	p := d.plan(second)
	action := map[string]string{}
	for _, o := range p.Objects {
		action[o.ID] = o.Action
	}
	deployment, set := "Deployment/"+d.namespace+"/web", "StatefulSet/"+d.namespace+"/web"
	if len(action) != 2 || action[deployment] != plan.Delete || action[set] != plan.Create || len(p.Left) > 0 {
		t.Errorf("the plan: %v, left %v", action, p.Left)
	}
	live := func() []string {
		return strings.Fields(testenv.Kubectl(t, "-n", d.namespace, "get", "deployments,statefulsets", "-o", `jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name} {end}`))
	}
	d.released(d.approve(p), second)
	if found := live(); !slices.Equal(found, []string{set}) {
		t.Errorf("released: %q", found)
	}
	outcome, err := Rollback(t.Context(), Options{Ledger: d.ledger, Rollout: second.Rollout}, Previous)
	if err != nil {
		t.Fatalf("%+v: %v", outcome, err)
	}
	if found := live(); !slices.Equal(found, []string{deployment}) {
		t.Errorf("rolled back: %q, %s", found, outcome.Verdict)
	}
	if p := d.plan(first); !p.Empty() {
		t.Errorf("of what was rolled back to would change %q", changes(p))
	}
}
