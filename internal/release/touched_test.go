package release

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/testenv"
)

// The record says what each object was before and after, and no secret.
func TestRecordSaysWhatChanged(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.planning()
	made := d.released(d.approve(d.plan(first)), first).Record
	second := d.planning("$token", "another-token", "$digest", strings.Repeat("2", 64))
	changed := d.released(d.approve(d.plan(second)), second).Record
	record, err := d.ledger.Release(t.Context(), changed.Number)
	if err != nil {
		t.Fatal(err)
	}
	touched := func(r *ledger.Record, kind string) ledger.Touched {
		i := slices.IndexFunc(r.Objects, func(o ledger.Touched) bool { return strings.HasPrefix(o.ID, kind+"/") })
		if i < 0 {
			t.Fatalf("%s is not in %+v", kind, r.Objects)
		}
		return r.Objects[i]
	}
	if len(made.Objects) != 4 || len(record.Objects) != 2 {
		t.Errorf("the first release wrote %+v, the second %+v", made.Objects, record.Objects)
	}
	keys := touched(record, "Secret")
	if touched(made, "Secret").Before != nil || keys.Before.Content != touched(made, "Secret").After.Content || keys.Before.Content == keys.After.Content {
		t.Errorf("the Secret was made with %+v and then %+v → %+v", touched(made, "Secret").After, keys.Before, keys.After)
	}
	web := touched(record, "Deployment")
	if web.Service != "web" || !strings.HasSuffix(web.Before.Images[0], strings.Repeat("1", 64)) || !strings.HasSuffix(web.After.Images[0], strings.Repeat("2", 64)) {
		t.Errorf("%+v: %+v → %+v", web, web.Before, web.After)
	}
	// A rollback's record says the same of its way.
	outcome, err := Rollback(t.Context(), Options{Ledger: d.ledger, Rollout: second.Rollout}, Previous)
	if err != nil {
		t.Fatal(err)
	}
	back := touched(outcome.Record, "Deployment")
	if len(outcome.Record.Objects) != 2 || back.Service != "web" || back.Before.Images[0] != web.After.Images[0] || back.After.Images[0] != web.Before.Images[0] {
		t.Errorf("%+v: %+v → %+v", back, back.Before, back.After)
	}
	if secret := touched(outcome.Record, "Secret"); secret.Before.Content != keys.After.Content || secret.After.Content != keys.Before.Content {
		t.Errorf("the Secret went back from %+v to %+v", secret.Before, secret.After)
	}
	if data, err := json.Marshal([]*ledger.Record{record, outcome.Record}); err != nil || strings.Contains(string(data), "another-token") || strings.Contains(string(data), token) {
		t.Errorf("the record shows a secret: %s, %v", data, err)
	}
}

// A service that the file does not have any more stays, and each plan says so;
// one that is new is made, and one that was deleted by hand is not named.
func TestServicesThatCameAndWent(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	with := func(services ...string) Planning {
		p := d.planning()
		var objects []*kube.Object
		for _, obj := range p.Rollout.Objects {
			if obj.GetName() != "web" {
				objects = append(objects, obj)
				continue
			}
			for _, name := range services {
				named := obj.DeepCopy()
				named.SetName(name)
				objects = append(objects, named)
			}
		}
		p.Rollout.Objects, p.Rollout.Services = objects, nil
		for _, name := range services {
			p.Rollout.Services = append(p.Rollout.Services, rollout.Service{Name: name, Image: "example.invalid/web@sha256:" + strings.Repeat("1", 64)})
		}
		return p
	}
	both := with("web", "old")
	d.released(d.approve(d.plan(both)), both)
	one := with("web")
	left := []string{"Deployment/" + d.namespace + "/old", "Service/" + d.namespace + "/old"}
	if p := d.plan(one); !p.Empty() || !slices.Equal(p.Left, left) {
		t.Errorf("left are %q, want %q; %q would change", p.Left, left, changes(p))
	}
	came := with("web", "new")
	p := d.plan(came)
	if got, want := changes(p), []string{"create Service/new", "create Deployment/new"}; !slices.Equal(got, want) || !slices.Equal(p.Left, left) {
		t.Errorf("got %q and left %q, want %q and %q", got, p.Left, want, left)
	}
	approved := d.approve(p)
	testenv.Kubectl(t, "--namespace", d.namespace, "delete", "service", "old")
	if _, err := d.apply(approved, came); err == nil || !strings.Contains(err.Error(), left[1]) {
		t.Errorf("the plan is another now, and nobody says why: %v", err)
	}
	outcome := d.released(d.approve(d.plan(came)), came)
	if outcome.State != ledger.Released {
		t.Errorf("%+v", outcome)
	}
	// The way back brings no service back that was not taken away, and takes the new one.
	o := Options{Ledger: d.ledger, Rollout: came.Rollout}
	if _, err := Rollback(t.Context(), o, Previous); err != nil {
		t.Fatal(err)
	}
	if names := testenv.Kubectl(t, "--namespace", d.namespace, "get", "deployments", "--output", "jsonpath={.items[*].metadata.name}"); names != "old web" {
		t.Errorf("after the rollback there are %s", names)
	}
	testenv.Kubectl(t, "--namespace", d.namespace, "delete", "deployment", "old")
	if p := d.plan(one); len(p.Left) > 0 {
		t.Errorf("what was deleted is still named: %q", p.Left)
	}
}
