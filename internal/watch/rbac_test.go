package watch

import (
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/testenv"
)

// TestDocumentedRole: to look after a release takes the role that a release takes,
// and nothing more.
func TestDocumentedRole(t *testing.T) {
	t.Parallel()
	p := open(t)
	namespace := p.options.Namespace
	p.options.Cluster = kubetest.Account(t, namespace, "slipway")
	testenv.Kubectl(t, "--namespace", namespace, "apply", "--filename", "../../docs/role-application.yaml")
	testenv.Kubectl(t, "--namespace", namespace, "create", "rolebinding", "slipway", "--role", "slipway-application", "--serviceaccount", namespace+":slipway")
	p.ask("/become/logs")
	began := time.Now().Add(-time.Minute)
	look := func() ([]Sight, error) {
		return Eyes{Rollout: p.options}.Look(t.Context(), &ledger.Record{Started: began, Ended: &began}, began, time.Now())
	}
	sights, err := look()
	// The API server tells nobody when it has taken up a role binding.
	for late := time.Now().Add(time.Minute); kube.Refused(err) && time.Now().Before(late); time.Sleep(100 * time.Millisecond) {
		sights, err = look()
	}
	if err != nil || len(sights) != 1 || sights[0].Kind != "logs" {
		t.Errorf("%+v, %v", sights, err)
	}
}
