package release

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

func wellEnough(context.Context, *ledger.Record) error { return nil }

// TestRollbackNamesAHotfix: a rollback of configuration alone touches no Deployment,
// and does not say that all equals the record where somebody set another image.
func TestRollbackNamesAHotfix(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first, second := d.planning(), d.planning("$colour", "blue")
	d.released(d.approve(d.plan(first)), first)
	d.released(d.approve(d.plan(second)), second)
	hot := "example.invalid/web@sha256:" + strings.Repeat("9", 64)
	d.patch(`{"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "` + hot + `"}]}}}}`)
	outcome, err := Rollback(t.Context(), Options{Ledger: d.ledger, Rollout: second.Rollout, Verify: wellEnough}, Previous)
	if err != nil || outcome.State != ledger.Released {
		t.Fatalf("%+v, %v", outcome, err)
	}
	want := "not as " + d.ledger.Name(1) + " left it: Deployment/" + d.namespace + "/web differs at spec.template.spec.containers[web].image, written by kubectl-patch"
	if !strings.Contains(outcome.Verdict, want) || strings.Contains(outcome.Verdict, "equal the record") {
		t.Errorf("%s\nwant %s", outcome.Verdict, want)
	}
	// A restart is nothing to name, and a variable that somebody added is.
	d.patch(`{"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-29T12:00:00Z"}}, "spec": {"containers": [{"name": "web", "env": [{"name": "EXTRA", "value": "1"}]}]}}}}`)
	said, err := (&Options{Ledger: d.ledger, Rollout: second.Rollout}).drift(t.Context(), outcome.Record, nil)
	if err != nil || !strings.Contains(said, "env[EXTRA]") || strings.Contains(said, "restartedAt") {
		t.Errorf("%s, %v", said, err)
	}
}

// TestKeptIsNamed: what may hold data stays when its release goes back, and is no part
// of "everything is as before".
func TestKeptIsNamed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first, second := d.planning(), d.planning("$colour", "blue")
	d.released(d.approve(d.plan(first)), first)
	second.Rollout.Objects = append(second.Rollout.Objects, &kube.Object{Object: map[string]any{
		"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": map[string]any{"name": "data", "namespace": d.namespace},
		"spec": map[string]any{"accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": "1Mi"}}},
	}})
	o := Options{Ledger: d.ledger, Rollout: second.Rollout, Verify: func(context.Context, *ledger.Record) error { return errFlows }}
	outcome, err := Run(t.Context(), o)
	if !errors.Is(err, errFlows) || outcome.State != ledger.Failed {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if want := "; kept, since data may hang on it: PersistentVolumeClaim/" + d.namespace + "/data"; !strings.HasPrefix(outcome.Verdict, "everything else is as before: 1 object compared (1× ConfigMap)"+want) {
		t.Errorf("%s", outcome.Verdict)
	}
}

// TestAcceptWhatIsThere: of a release that is stuck, since somebody set another image
// in the middle of it, a person accepts what is there; the next one meets no conflict.
func TestAcceptWhatIsThere(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first, second := d.planning(), d.planning("$colour", "blue", "$digest", strings.Repeat("2", 64))
	d.released(d.approve(d.plan(first)), first)
	hot := "example.invalid/web@sha256:" + strings.Repeat("9", 64)
	o := Options{Ledger: d.ledger, Rollout: second.Rollout, Record: ledger.Record{By: ledger.Holder{Person: "mara"}}}
	o.Verify = func(context.Context, *ledger.Record) error {
		d.patch(`{"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "` + hot + `"}]}}}}`)
		return errFlows
	}
	outcome, err := Run(t.Context(), o)
	var conflict *kube.ConflictError
	if outcome == nil || outcome.State != ledger.Stuck || !errors.As(err, &conflict) || !strings.Contains(conflict.Hint(), "slipway adopt --env "+d.ledger.Environment+" --current") {
		t.Fatalf("%+v, %v", outcome, err)
	}
	differs := "Deployment/" + d.namespace + "/web differs from before at spec.template.spec.containers[web].image"
	if record, said, err := Acceptable(t.Context(), o); err != nil || record.Number != 2 || strings.Join(said, "") != differs {
		t.Errorf("%+v, %q, %v", record, said, err)
	}
	outcome, err = Accept(t.Context(), o)
	if err != nil || outcome.State != ledger.Released || outcome.Verdict != "mara accepted it as it is: "+differs {
		t.Fatalf("%+v, %v", outcome, err)
	}
	record, err := d.ledger.Release(t.Context(), 2)
	if err != nil || record.Accepted == nil || record.Accepted.By.Person != "mara" || record.Images["web"] != hot {
		t.Errorf("%+v, %v", record, err)
	}
	if _, err := Promoted(record); !errors.As(err, new(*AcceptedError)) {
		t.Errorf("it can be promoted: %v", err)
	}
	if _, err := Accept(t.Context(), o); !errors.As(err, new(*NothingError)) {
		t.Errorf("again: %v", err)
	}
	third := d.planning("$colour", "green", "$digest", strings.Repeat("3", 64))
	d.released(d.approve(d.plan(third)), third)
}

// A hotfix by hand on what a rollback would restore is named before the first write,
// also where the rollback is only shown; once it is taken over, it goes back.
func TestRollbackOverAHotfix(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first, second := d.planning(), d.planning("$digest", strings.Repeat("2", 64))
	d.released(d.approve(d.plan(first)), first)
	d.released(d.approve(d.plan(second)), second)
	d.patch(`{"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "example.invalid/web@sha256:` + strings.Repeat("9", 64) + `"}]}}}}`)
	o := Options{Ledger: d.ledger, Rollout: second.Rollout}
	_, shown := Foresee(t.Context(), o, Previous)
	_, err := Rollback(t.Context(), o, Previous)
	for _, err := range []error{shown, err} {
		var refused *rollout.NotOursError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "Deployment/"+d.namespace+"/web") || !strings.Contains(err.Error(), "is owned by kubectl-patch") {
			t.Fatalf("%v", err)
		}
		if want := "slipway adopt --env " + d.ledger.Environment + "`"; !strings.Contains(refused.Hint(), want) {
			t.Errorf("%s\nwant %s", refused.Hint(), want)
		}
	}
	if all, err := d.ledger.Releases(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("it was recorded as a rollback: %d records, %v", len(all), err)
	}
	if err := Adopt(t.Context(), Options{Ledger: d.ledger, Rollout: second.Rollout}); err != nil {
		t.Fatal(err)
	}
	if outcome, err := Rollback(t.Context(), o, Previous); err != nil || outcome.State != ledger.Released {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if image := d.web(); !strings.Contains(image, strings.Repeat("1", 64)) {
		t.Errorf("it runs %s", image)
	}
}
