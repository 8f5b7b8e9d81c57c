package ledger

import (
	"errors"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

// One environment of one platform releases to a namespace, and no other one.
func TestNamespaceOfTwo(t *testing.T) {
	t.Parallel()
	namespace := testenv.Namespace(t)
	of := func(name, environment, namespace string) *Ledger {
		t.Helper()
		l, err := Open(kubetest.Cluster(t), platform.Owner{Platform: name, Environment: environment, Namespace: namespace})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first := of("shop", "staging", namespace)
	if err := first.Claimable(t.Context()); err != nil {
		t.Error(err)
	}
	if out, err := testenv.TryKubectl(t, "--namespace", namespace, "get", "configmap", claimName); err == nil {
		t.Errorf("asking claims it: %s", out)
	}
	for range 2 { // again, by the same process and by another
		if err := errors.Join(first.Claim(t.Context()), of("shop", "staging", namespace).Claim(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []*Ledger{of("blog", "staging", namespace), of("shop", "production", namespace)} {
		for name, claim := range map[string]func() error{"claim": func() error { return other.Claim(t.Context()) }, "ask": func() error { return other.Claimable(t.Context()) }} {
			var foreign *ForeignError
			if err := claim(); !errors.As(err, &foreign) || !strings.Contains(err.Error(), "Namespace/"+namespace+" (by its ConfigMap slipway-owner) belongs to platform shop, environment staging, and this is "+other.Owner().String()) ||
				!strings.Contains(foreign.Hint(), "kubectl --namespace "+namespace+" delete configmap slipway-owner") {
				t.Errorf("%s by %s: %v", name, other.Owner(), err)
			}
		}
		if err := other.Disclaim(t.Context()); err != nil || of("shop", "staging", namespace).Claimable(t.Context()) != nil {
			t.Errorf("%s gave away another's: %v", other.Owner(), err)
		}
	}
	if err := first.Disclaim(t.Context()); err != nil {
		t.Error(err)
	}
	if err := of("blog", "staging", namespace).Claim(t.Context()); err != nil {
		t.Errorf("what was left cannot be claimed: %v", err)
	}
	if err := of("shop", "staging", namespace+"-absent").Claim(t.Context()); err != nil {
		t.Errorf("a namespace that comes with the release: %v", err)
	}
	testenv.Kubectl(t, "--namespace", namespace, "label", "configmap", claimName, platformLabel+"-")
	if err := first.Claim(t.Context()); err == nil || !strings.Contains(err.Error(), "is not Slipway's") && !strings.Contains(err.Error(), "belongs to environment staging") {
		t.Errorf("one without a mark: %v", err)
	}
}
