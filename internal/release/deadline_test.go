package release

import (
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/rollout"
)

// A service's own deadline goes with it; those without one take the rollout's.
func TestServicesHaveTheirDeadline(t *testing.T) {
	p := &platform.Platform{Deadline: platform.Duration{Duration: time.Minute}, Services: []platform.Service{
		{Name: "web"}, {Name: "model", Deadline: platform.Duration{Duration: 12 * time.Minute}},
	}}
	services := Services(p, nil)
	if services[0].Deadline != 0 || services[1].Deadline != 12*time.Minute {
		t.Errorf("%+v", services)
	}
}

// A release that is resumed has the deadline that it began with, whatever
// slipway.yaml says by now.
func TestResumeTakesItsDeadline(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	wanted := d.planning("nodeSelector: {simulated: "+simulated+"}", "nodeSelector: {example.com/kind: none}").Rollout
	lock, err := d.ledger.Acquire(t.Context(), ledger.Holder{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := d.ledger.Add(t.Context(), ledger.Record{Fence: lock.Fence})
	if err != nil {
		t.Fatal(err)
	}
	if err := entry.Note(t.Context(), intentStep, intent{Objects: wanted.Objects, Services: wanted.Services, Namespace: d.namespace, Deadline: 3 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := Options{Ledger: d.ledger, Rollout: rollout.Options{Cluster: d.cluster, Namespace: d.namespace, Deadline: 10 * time.Minute}}
	outcome, err := Resume(t.Context(), o)
	if err == nil || outcome.Rollout == nil || outcome.Rollout.Failure == nil || !strings.HasPrefix(outcome.Rollout.Failure.Reason, "not healthy 3s after the change: ") {
		t.Errorf("%+v, %v", outcome, err)
	}
}
