package ledger

import (
	"crypto/rand"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

// restricted connects to the namespace of a ledger as an account that has only
// these rules there.
func restricted(t *testing.T, namespace string, rules []rbacv1.PolicyRule) *kube.Cluster {
	t.Helper()
	c := kubetest.Account(t, namespace, "slipway")
	role, err := kube.Untyped("rbac.authorization.k8s.io/v1", "Role", rbacv1.Role{Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	role.SetName("slipway-ledger")
	role.SetNamespace(namespace)
	if _, err := kubetest.Cluster(t).Create(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	testenv.Kubectl(t, "-n", namespace, "create", "rolebinding", "slipway", "--role", "slipway-ledger", "--serviceaccount", namespace+":slipway")
	granted(t, namespace)
	return c
}

// granted waits until the API server has taken up the role binding, which it
// tells nobody about.
func granted(t *testing.T, namespace string) {
	t.Helper()
	for late := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		list := testenv.Kubectl(t, "auth", "can-i", "--list", "--namespace", namespace, "--as", "system:serviceaccount:"+namespace+":slipway")
		if strings.Contains(list, "leases.coordination.k8s.io") {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("the role is not in effect:\n%s", list)
		}
	}
}

func documented(t *testing.T) []rbacv1.PolicyRule {
	t.Helper()
	text, err := os.ReadFile("../../docs/role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.Role
	if err := yaml.UnmarshalStrict(text, &role); err != nil {
		t.Fatal(err)
	}
	return role.Rules
}

// everything uses all that a ledger can do, once.
func everything(t *testing.T, c *kube.Cluster, environment string) error {
	ctx := t.Context()
	l, err := Open(c, platform.Owner{Platform: "shop", Environment: environment})
	if err != nil {
		return err
	}
	l.Keep = 1
	for range 3 { // the newest two are always kept
		lock, err := l.Acquire(ctx, Holder{Person: "mara"}, lease)
		if err != nil {
			return err
		}
		// A lease that cannot be written is one that cannot be given back.
		err = errors.Join(everyStep(t, l, lock), lock.Release(ctx))
		if err != nil {
			return err
		}
	}
	return nil
}

func everyStep(t *testing.T, l *Ledger, lock *Lock) error {
	ctx := t.Context()
	if _, err := l.Acquire(ctx, Holder{Person: "tom"}, lease); !errors.As(err, new(*HeldError)) {
		return errors.Join(errors.New("two hold the lock"), err)
	}
	e, err := l.Add(ctx, Record{Fence: lock.Fence})
	if err != nil {
		return err
	}
	if e, err = l.Take(ctx, e.Record.Number, lock.Fence); err != nil {
		return err
	}
	if err := errors.Join(e.Begin(ctx, "x", "before"), e.End(ctx, "x", nil)); err != nil {
		return err
	}
	var before string
	return errors.Join(l.Before(ctx, e.Record.Steps[0], &before), e.Close(ctx, Released, ""))
}

func TestDocumentedRoleIsEnough(t *testing.T) {
	t.Parallel()
	l := open(t)
	if err := everything(t, restricted(t, l.Namespace, documented(t)), l.Environment); err != nil {
		t.Error(err)
	}
}

// A right that is missing is named: here the last one of each rule.
func TestMissingRightsAreNamed(t *testing.T) {
	t.Parallel()
	for i, rule := range documented(t) {
		verb := rule.Verbs[len(rule.Verbs)-1]
		t.Run(verb+" "+rule.Resources[0], func(t *testing.T) {
			t.Parallel()
			rules := documented(t)
			if rules[i].Verbs = rule.Verbs[:len(rule.Verbs)-1]; len(rules[i].Verbs) == 0 {
				rules = slices.Delete(rules, i, i+1)
			}
			l := open(t)
			err := everything(t, restricted(t, l.Namespace, rules), l.Environment)
			if err == nil || !strings.Contains(err.Error(), "cannot "+verb+` resource "`+rule.Resources[0]+`"`) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestNamespaceMissing(t *testing.T) {
	t.Parallel()
	elsewhere := open(t)
	c := restricted(t, elsewhere.Namespace, documented(t))
	environment := "absent-" + strings.ToLower(rand.Text()[:10])
	l, err := Open(c, platform.Owner{Platform: "shop", Environment: environment})
	if err == nil {
		_, err = l.Acquire(t.Context(), Holder{}, lease)
	}
	var missing *NamespaceError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), `cannot get resource "namespaces"`) || !strings.Contains(missing.Hint(), "slipway-shop-"+environment) {
		t.Errorf("%v", err)
	}
}
