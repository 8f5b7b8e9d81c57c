package release

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/rollout"
)

// picky is a service that exits where the schema is not the one that it knows:
// the old version where the new column is there, the new one where it is not.
const picky = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: web
          image: postgres:15
          env: [{name: DATABASE_URL, value: "$url"}, {name: KNOWS, value: "$knows"}]
          command:
            - sh
            - -c
            - |
              look() { psql "$DATABASE_URL" --tuples-only --no-align --command "SELECT count(*) FROM information_schema.columns WHERE table_name = 'orders' AND column_name = 'colour'"; }
              until there=$(look); do sleep 0.2; done
              [ "$there" = "$KNOWS" ] || exit 3
              touch /tmp/ready; exec sleep infinity
          readinessProbe: {exec: {command: [test, -e, /tmp/ready]}, periodSeconds: 1}
`

// TestServicesGoBackToTheirOwnSchema: where the database goes back too, it does so
// first. A service that cannot run on the migrated schema is put back after that,
// and verified then.
func TestServicesGoBackToTheirOwnSchema(t *testing.T) {
	t.Parallel()
	m := newMigrating(t)
	m.platform.Database.OnFailure = platform.Restore
	planning := func(knows string) Planning {
		p := m.planning()
		text := strings.NewReplacer("$url", m.url, "$knows", knows).Replace(picky)
		var err error
		if p.Rollout.Objects, err = kube.Render(t.Context(), kube.Source{Name: "picky", Text: []byte(text)}, kube.RenderOptions{Namespace: m.namespace}); err != nil {
			t.Fatal(err)
		}
		p.Rollout.Services, p.Rollout.Deadline = []rollout.Service{{Name: "web"}}, time.Minute
		return p
	}
	before := planning("0")
	before.Known.Migrations = []plan.Migration{}
	m.released(m.approve(m.plan(before)), before)

	after := planning("1")
	o := m.options(after)
	o.OnFailure = m.backup()
	fails := failing()
	o.Verify = func(ctx context.Context, r *ledger.Record) error {
		_, err := rollout.Inspect(ctx, rollout.Options{Cluster: m.cluster, Namespace: m.namespace, Services: after.Rollout.Services, Deadline: 20 * time.Second})
		return errors.Join(fails(ctx, r), err)
	}
	outcome, err := Apply(t.Context(), m.approve(m.plan(after)), after, o)
	check(t, m, outcome, err, "the database is the backup again", "item")
	if outcome == nil || outcome.Record.State != ledger.Failed || !strings.Contains(outcome.Verdict, "the platform was verified again") {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if undone := outcome.Rollout.Undone; len(undone) != 1 || !undone[0].Verified || undone[0].Action != "restored" || outcome.Rollout.Failure == nil {
		t.Errorf("%+v", outcome.Rollout)
	}
	if err.Error() != errFlows.Error() {
		t.Errorf("more failed than what was to: %v", err)
	}
}
