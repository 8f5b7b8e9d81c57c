package release

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/testenv"
)

const blueprint = `{.spec.template.spec.containers[0].image} {.spec.template.metadata.annotations.who}`

// patch is what somebody does by hand to the shop's Deployment.
func (d *desk) patch(text string) {
	d.t.Helper()
	testenv.Kubectl(d.t, "--namespace", d.namespace, "patch", "deployment", "web", "--type=strategic", "--patch", text)
}

func (d *desk) web() string {
	d.t.Helper()
	return testenv.Kubectl(d.t, "--namespace", d.namespace, "get", "deployment", "web", "--output", "jsonpath="+blueprint)
}

// TestEditedInTheMiddle: what somebody changes by hand while a release runs, and
// before it came to that object, is neither overwritten nor taken back.
func TestEditedInTheMiddle(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first, second := d.planning(), d.planning("$colour", "blue", "$digest", strings.Repeat("2", 64))
	d.released(d.approve(d.plan(first)), first)
	approved := d.approve(d.plan(second))
	o := Options{Ledger: d.ledger, Rollout: second.Rollout}
	edited := false
	o.Rollout.Progress = func(p rollout.Progress) {
		if !edited && strings.HasPrefix(p.Service, "ConfigMap/") {
			edited = true
			d.patch(`{"spec": {"template": {"metadata": {"annotations": {"who": "mara"}}}}}`)
		}
	}
	outcome, err := Apply(t.Context(), approved, second, o)
	var by *rollout.EditedError
	if !errors.As(err, &by) || by.Manager != "kubectl-patch" || by.Object != "Deployment/"+d.namespace+"/web" {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if outcome.State != ledger.Failed || !strings.Contains(outcome.Verdict, "everything else is as before: 1 object compared (1× ConfigMap); left as it is: Deployment/"+d.namespace+"/web, which kubectl-patch changed at spec.template.metadata.annotations.who") {
		t.Errorf("%+v", outcome)
	}
	if got := d.web(); got != "example.invalid/web@sha256:"+strings.Repeat("1", 64)+" mara" {
		t.Errorf("of the edit is left: %s", got)
	}
	if colour := testenv.Kubectl(t, "--namespace", d.namespace, "get", "configmap", "settings", "--output", "jsonpath={.data.colour}"); colour != "red" {
		t.Errorf("the configuration is %s", colour)
	}
}

// TestTakingBackFailsHalfWay: of a release whose verification fails, and of which
// one object cannot go back, both failures are told. It stays open until somebody
// has made room, and then goes back; a rollback that was asked for likewise.
func TestTakingBackFailsHalfWay(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first, second := d.planning(), d.planning("$colour", "blue", "$digest", strings.Repeat("2", 64))
	d.released(d.approve(d.plan(first)), first)
	mine, theirs := "example.invalid/web@sha256:"+strings.Repeat("1", 64), "example.invalid/web@sha256:"+strings.Repeat("3", 64)
	edit := func(image string) {
		d.patch(`{"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "` + image + `"}]}}}}`)
	}
	o := Options{Ledger: d.ledger, Rollout: second.Rollout}
	o.Verify = func(context.Context, *ledger.Record) error { edit(theirs); return errFlows }
	outcome, err := Apply(t.Context(), d.approve(d.plan(second)), second, o)
	stuck := func(failures ...error) {
		t.Helper()
		var conflict *kube.ConflictError
		if !errors.As(err, &conflict) || !strings.Contains(err.Error(), "is owned by kubectl-patch") {
			t.Errorf("why it did not go back is not told: %v", err)
		}
		for _, failure := range failures {
			if !errors.Is(err, failure) {
				t.Errorf("%v is not told: %v", failure, err)
			}
		}
		if outcome == nil || outcome.State != ledger.Stuck {
			t.Fatalf("%+v, %v", outcome, err)
		}
	}
	stuck(errFlows)
	if _, err := Run(t.Context(), Options{Ledger: d.ledger, Rollout: second.Rollout}); !errors.As(err, new(*kube.ConflictError)) {
		t.Errorf("another release came over it: %v", err)
	}
	edit(mine)
	o.Verify = nil
	if outcome, err = Rollback(t.Context(), o, Previous); err != nil || outcome.State != ledger.Failed || !strings.HasPrefix(d.web(), mine) {
		t.Fatalf("%+v, %v: %s", outcome, err, d.web())
	}
	if p := d.plan(first); len(p.Objects) > 0 && p.Services[0].Changed {
		t.Errorf("it is not as before: %q", changes(p))
	}

	third := d.planning("$colour", "green")
	d.released(d.approve(d.plan(third)), third)
	paint := func(colour string) {
		testenv.Kubectl(t, "--namespace", d.namespace, "patch", "configmap", "settings", "--type=merge", "--patch", `{"data": {"colour": "`+colour+`"}}`)
	}
	o.Say = func(format string, _ ...any) {
		if strings.HasPrefix(format, "roll back") { // what was painted before is refused before that
			paint("pink")
		}
	}
	outcome, err = Rollback(t.Context(), o, Previous)
	stuck()
	o.Say = nil
	paint("red")
	if outcome, err = Resume(t.Context(), o); err != nil || outcome.State != ledger.Released || !strings.Contains(outcome.Verdict, "back at "+d.ledger.Name(1)) {
		t.Errorf("%+v, %v", outcome, err)
	}
}
