package release

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/testenv"
)

// shop is a platform of one service with a simulated pod.
var shop = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: $colour}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {token: $token}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      nodeSelector: {simulated: ` + simulated + `}
      tolerations: [{key: kwok.x-k8s.io/node, operator: Exists}]
      containers: [{name: web, image: "example.invalid/web@sha256:$digest", env: [{name: TOKEN, value: "x-$token"}]}]
`

const token = "a-token-nobody-may-see"

// desk is where plans for one environment are made and applied.
type desk struct {
	t         *testing.T
	cluster   *kube.Cluster
	ledger    *ledger.Ledger
	namespace string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	simulate(t)
	d := &desk{t: t, cluster: kubetest.Cluster(t), namespace: testenv.Namespace(t)}
	var err error
	if d.ledger, err = ledger.Open(d.cluster, platform.Owner{Platform: "shop", Environment: testenv.Environment(t), Namespace: d.namespace}); err != nil {
		t.Fatal(err)
	}
	return d
}

// planning is for a version of the shop: "$colour", "blue" and so on replace words.
func (d *desk) planning(other ...string) Planning {
	d.t.Helper()
	replace := slices.Concat(other, []string{"$colour", "red", "$token", token, "$digest", strings.Repeat("1", 64)})
	words := strings.NewReplacer(replace...)
	text := words.Replace(shop)
	objects, err := kube.Render(d.t.Context(), kube.Source{Name: "shop", Text: []byte(text)}, kube.RenderOptions{Namespace: d.namespace})
	if err != nil {
		d.t.Fatal(err)
	}
	return Planning{
		Ledger: d.ledger, Secrets: []string{token}, Known: plan.Plan{By: "mara", Source: "c0ffee", PlatformFile: "abc"},
		Rollout: rollout.Options{
			Cluster: d.cluster, Namespace: d.namespace, Objects: objects, Deadline: 20 * time.Second,
			Services: []rollout.Service{{Name: "web", Image: words.Replace("example.invalid/web@sha256:$digest")}},
		},
	}
}

func (d *desk) plan(p Planning) *plan.Plan {
	d.t.Helper()
	made, err := Plan(d.t.Context(), p)
	if err != nil {
		d.t.Fatal(err)
	}
	return made
}

// approve gives a plan its evidence and its approval.
func (d *desk) approve(p *plan.Plan) Approved {
	d.t.Helper()
	digest, err := p.Digest()
	if err != nil {
		d.t.Fatal(err)
	}
	e := plan.NewEvidence(digest, time.Now())
	approval, err := plan.Approval(p, e)
	if err != nil {
		d.t.Fatal(err)
	}
	return Approved{Plan: p, Evidence: e, Digest: approval}
}

func (d *desk) apply(a Approved, again Planning) (*Outcome, error) {
	return Apply(d.t.Context(), a, again, Options{Ledger: d.ledger, Rollout: again.Rollout})
}

func (d *desk) released(a Approved, again Planning) *Outcome {
	d.t.Helper()
	outcome, err := d.apply(a, again)
	if err != nil {
		d.t.Fatal(err)
	}
	return outcome
}

func changes(p *plan.Plan) []string {
	var out []string
	for _, o := range p.Objects {
		kind, rest, _ := strings.Cut(o.ID, "/")
		line := o.Action + " " + kind + rest[strings.LastIndex(rest, "/"):]
		if o.Action == plan.Change {
			for _, f := range o.Fields {
				line += " " + f.Path
			}
		}
		out = append(out, line)
	}
	return out
}

func TestPlanIsWhatIsReleased(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.planning()
	p := d.plan(first)
	want := []string{"create ConfigMap/settings", "create Secret/keys", "create Service/web", "create Deployment/web"}
	if got := changes(p); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	if s := p.Services[0]; !s.Changed || s.Before != "" || !strings.Contains(s.After, "web@sha256:1") {
		t.Errorf("%+v", s)
	}
	if data, err := json.Marshal(p); err != nil || strings.Contains(string(data), token) {
		t.Errorf("the plan shows the token: %s, %v", data, err)
	}
	if err := plan.Same(p, d.plan(first)); err != nil {
		t.Error("made again, it is another:", err)
	}
	outcome := d.released(d.approve(p), first)
	if outcome == nil || outcome.State != ledger.Released {
		t.Fatalf("%+v", outcome)
	}
	if r := outcome.Record; r.Source != "c0ffee" || r.Plan == "" || r.Approval == "" || r.PlatformFile != "abc" {
		t.Errorf("the record does not say what was approved: %+v", r)
	}
	if again := d.plan(first); !again.Empty() || again.Services[0].Changed {
		t.Errorf("what was just released would change: %q", changes(again))
	}
	if outcome := d.released(d.approve(d.plan(first)), first); outcome != nil {
		t.Errorf("a plan of nothing was released: %+v", outcome)
	}
	second := d.planning("$token", "another-token", "$digest", strings.Repeat("2", 64))
	want = []string{"change Secret/keys data.token", "change Deployment/web spec.template.spec.containers[web].env[TOKEN].value spec.template.spec.containers[web].image"}
	p = d.plan(second)
	if got := changes(p); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if s := p.Services[0]; !strings.Contains(s.Before, "web@sha256:1") || !strings.Contains(s.After, "web@sha256:2") {
		t.Errorf("%+v", s)
	}
	field := p.Objects[0].Fields[0]
	if !field.Secret || *field.Before == *field.After || !strings.HasPrefix(*field.Before, "hmac-sha256:") {
		t.Errorf("the secret: %+v", field)
	}
}

func TestApplyRefusesWhatWasNotApproved(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.planning()
	d.released(d.approve(d.plan(first)), first)
	blue := d.planning("$colour", "blue")
	approved := d.approve(d.plan(blue))
	wrong := approved
	wrong.Digest = strings.Repeat("0", 64)
	foreign := *approved.Plan
	foreign.Environment = "production"
	elsewhere := d.approve(&foreign)
	moved := d.planning("$colour", "blue")
	moved.Known.Source = "beef"
	for _, tt := range []struct {
		name     string
		approved Approved
		again    Planning
		want     string
	}{
		{"another digest", wrong, blue, "what was approved is 000000000000"},
		{"another environment", elsewhere, blue, "it is for production, and this is " + d.ledger.Environment},
		{"code moved", approved, moved, "the source was c0ffee when it was approved and is beef now"},
		{"other manifests", approved, d.planning("$colour", "green"), "it was changed since, at data.colour"},
		{"more than approved", approved, d.planning("$colour", "blue", "$token", "other"), "would be released now and was not approved"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			outcome, err := d.apply(tt.approved, tt.again)
			var refused *plan.RefusedError
			if outcome != nil || !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%+v, %v; want %q", outcome, err, tt.want)
			}
		})
	}
	// A Secret that somebody else keeps, and that the pods are given, was changed.
	testenv.Kubectl(t, "--namespace", d.namespace, "create", "secret", "generic", "outside", "--from-literal=password=one-nobody-may-see")
	needing := d.planning("$colour", "blue", "env: [", `envFrom: [{secretRef: {name: outside}}, {secretRef: {name: keys}}], env: [`)
	needs := d.approve(d.plan(needing))
	if data, err := json.Marshal(needs.Plan); err != nil || len(needs.Plan.Given) != 1 || strings.Contains(string(data), "nobody-may-see") {
		t.Errorf("%s, %v", data, err)
	}
	testenv.Kubectl(t, "--namespace", d.namespace, "label", "secret", "outside", "seen=yes")
	if err := plan.Same(needs.Plan, d.plan(needing)); err != nil {
		t.Errorf("with another label: %v", err)
	}
	testenv.Kubectl(t, "--namespace", d.namespace, "patch", "secret", "outside", "--type=merge", "--patch", `{"stringData":{"password":"two"}}`)
	if _, err := d.apply(needs, needing); err == nil || !strings.Contains(err.Error(), "secret Secret/"+d.namespace+"/outside: what it holds was changed since") {
		t.Errorf("after a change of a secret: %v", err)
	}
	testenv.Kubectl(t, "--namespace", d.namespace, "delete", "secret", "outside")
	if _, err := d.apply(needs, needing); err == nil || !strings.Contains(err.Error(), "secret Secret/"+d.namespace+"/outside: it was there") {
		t.Errorf("after the end of a secret: %v", err)
	}
	// Another release came in between.
	green := d.planning("$colour", "green")
	d.released(d.approve(d.plan(green)), green)
	if _, err := d.apply(approved, blue); err == nil || !strings.Contains(err.Error(), "ConfigMap/"+d.namespace+"/settings: it was changed since, at data.colour") {
		t.Errorf("after another release: %v", err)
	}
	// Somebody changed it by hand.
	testenv.Kubectl(t, "--namespace", d.namespace, "patch", "configmap", "settings", "--type=merge", "--patch", `{"data":{"colour":"pink"}}`)
	if _, err := d.apply(approved, blue); err == nil || !strings.Contains(err.Error(), ".data.colour is owned by kubectl-patch") {
		t.Errorf("after an edit: %v", err)
	}
	if records, err := d.ledger.Releases(t.Context()); err != nil || len(records) != 2 {
		t.Errorf("%d releases are recorded, want 2: %v", len(records), err)
	}
}

func TestPromoted(t *testing.T) {
	zero := 0
	images := map[string]string{"web": "r/web@sha256:1"}
	for _, tt := range []struct {
		record ledger.Record
		ok     bool
	}{
		{ledger.Record{State: ledger.Released, Images: images}, true},
		{ledger.Record{State: ledger.Failed, Images: images}, false},
		{ledger.Record{State: ledger.RolledBack, Images: images}, false},
		{ledger.Record{State: ledger.Running, Images: images}, false},
		{ledger.Record{State: ledger.Released, RollbackTo: &zero, Images: images}, false},
	} {
		if got, err := Promoted(&tt.record); (err == nil) != tt.ok || tt.ok && got["web"] != images["web"] {
			t.Errorf("%s: %v, %v", tt.record.State, got, err)
		}
	}
}
