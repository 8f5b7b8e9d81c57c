package ledger

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/internal/kube"
)

// claimName is the ConfigMap in the namespace of an application that says who
// releases to it. A label of the namespace itself would say it as well, and take
// the right to change namespaces.
const claimName = "slipway-owner"

// Claim makes the application's namespace ours before anything is released to it,
// so that no other environment or platform overwrites or takes back what is there.
// It fails with a *ForeignError where another one has it. A namespace that comes
// with the release is claimed with its next one.
func (l *Ledger) Claim(ctx context.Context) error {
	for {
		if err := l.Claimable(ctx); err != nil || l.Application == "" || l.claimed.Load() {
			return err
		}
		claim, err := kube.Untyped("v1", "ConfigMap", corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: claimName, Namespace: l.Application, Labels: marks(l.Owner())},
			Data:       map[string]string{"ledger": l.Namespace},
		})
		if err != nil {
			return err
		}
		_, err = l.cluster.Create(ctx, claim)
		switch {
		case err == nil:
			l.claimed.Store(true)
			return nil
		case kube.Exists(err):
			continue // somebody was faster, or only the answer was lost: whose is it?
		case kube.NotFound(err):
			return nil
		}
		return fmt.Errorf("claim namespace %s: %w", l.Application, err)
	}
}

// Claimable fails with a *ForeignError where the application's namespace is
// another's. It changes nothing.
func (l *Ledger) Claimable(ctx context.Context) error {
	if l.Application == "" || l.claimed.Load() {
		return nil
	}
	live, err := l.cluster.Read(ctx, l.claim())
	if err != nil || live == nil {
		return err
	}
	whose, _ := ownerOf(live.GetLabels())
	if whose.Platform == l.Platform && whose.Environment == l.Environment {
		l.claimed.Store(true)
		return nil
	}
	return &ForeignError{
		Object: "Namespace/" + l.Application + " (by its ConfigMap " + claimName + ")", Ours: l.Owner(), Theirs: whose,
		advice: fmt.Sprintf("give one of the two another namespace; if the other is gone for good, `kubectl --namespace %s delete configmap %s`", l.Application, claimName),
	}
}

// Disclaim leaves the application's namespace to others, once nothing of ours runs
// there any more.
func (l *Ledger) Disclaim(ctx context.Context) error {
	if l.Application == "" {
		return nil
	}
	live, err := l.cluster.Read(ctx, l.claim())
	if err != nil || live == nil {
		return err
	}
	if whose, _ := ownerOf(live.GetLabels()); whose.Platform != l.Platform || whose.Environment != l.Environment {
		return nil
	}
	l.claimed.Store(false)
	if err := l.cluster.Delete(ctx, live); err != nil {
		return fmt.Errorf("leave namespace %s to others: %w", l.Application, err)
	}
	return nil
}

func (l *Ledger) claim() *kube.Object {
	obj := l.named("ConfigMap", claimName)
	obj.SetNamespace(l.Application)
	return obj
}
