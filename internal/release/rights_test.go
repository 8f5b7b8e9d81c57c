package release

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/testenv"
)

// withoutRight is the documented role for the application, without one right.
func withoutRight(t *testing.T, verb, resource string) []rbacv1.PolicyRule {
	t.Helper()
	text, err := os.ReadFile("../../docs/role-application.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.Role
	if err := yaml.UnmarshalStrict(text, &role); err != nil {
		t.Fatal(err)
	}
	var rules []rbacv1.PolicyRule
	found := false
	for _, r := range role.Rules {
		for _, of := range r.Resources {
			one := rbacv1.PolicyRule{APIGroups: r.APIGroups, Resources: []string{of}, Verbs: slices.Clone(r.Verbs)}
			if of == resource {
				found = found || slices.Contains(one.Verbs, verb)
				one.Verbs = slices.DeleteFunc(one.Verbs, func(v string) bool { return v == verb })
			}
			if len(one.Verbs) > 0 {
				rules = append(rules, one)
			}
		}
	}
	if !found {
		t.Fatalf("the documented role has no right to %s %s", verb, resource)
	}
	return rules
}

// TestMissingRightsOfTheApplication: whoever lacks one right of the documented role
// is told which one, verb and resource, by what needs it: a release, its way back
// to nothing, or its plan.
func TestMissingRightsOfTheApplication(t *testing.T) {
	t.Parallel()
	simulate(t)
	for _, right := range []string{
		"get configmaps", "create secrets", "patch services", "delete secrets", "list deployments", "watch deployments", "create deployments", "patch deployments",
		"delete deployments", "list replicasets", "watch replicasets", "list pods", "watch pods", "get pods/proxy", "list horizontalpodautoscalers",
	} {
		t.Run(right, func(t *testing.T) {
			t.Parallel()
			verb, resource, _ := strings.Cut(right, " ")
			d := newDesk(t)
			account := kubetest.Account(t, d.namespace, "slipway")
			role, err := kube.Untyped("rbac.authorization.k8s.io/v1", "Role", rbacv1.Role{Rules: withoutRight(t, verb, resource)})
			if err != nil {
				t.Fatal(err)
			}
			role.SetName("slipway")
			role.SetNamespace(d.namespace)
			if _, err := d.cluster.Create(t.Context(), role); err != nil {
				t.Fatal(err)
			}
			testenv.Kubectl(t, "--namespace", d.namespace, "create", "rolebinding", "slipway", "--role", "slipway", "--serviceaccount", d.namespace+":slipway")
			inEffect(t, account, d.namespace)
			p := d.planning() // the ledger is the administrator's: it is not what is tried here
			p.Rollout.Cluster, p.Rollout.Deadline = account, 10*time.Second
			if right == "get pods/proxy" {
				p.Rollout.Services[0].Port, p.Rollout.Services[0].Health = 80, "/health"
			}
			o := Options{Ledger: d.ledger, Rollout: p.Rollout}
			_, err = Run(t.Context(), o)
			if err == nil {
				_, err = Rollback(t.Context(), o, 0)
			}
			if err == nil || !strings.Contains(err.Error(), "cannot "+verb+` resource "`+resource+`"`) {
				t.Errorf("%v", err)
			}
			if verb == "patch" || verb == "create" { // a dry run takes them too
				if _, err := Plan(t.Context(), p); err == nil || !strings.Contains(err.Error(), "cannot "+verb+` resource "`+resource+`"`) {
					t.Errorf("plan: %v", err)
				}
			}
			if left, err := d.ledger.Unfinished(t.Context()); err != nil || left != nil && left.State == ledger.Running {
				t.Errorf("it is left in the middle: %+v, %v", left, err)
			}
		})
	}
}

// inEffect waits until the API server has taken up a role binding, which it tells
// nobody about. Reading Services is in the role of each test.
func inEffect(t *testing.T, account *kube.Cluster, namespace string) {
	t.Helper()
	service := &kube.Object{}
	service.SetAPIVersion("v1")
	service.SetKind("Service")
	service.SetName("web")
	service.SetNamespace(namespace)
	for late := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		_, err := account.Read(t.Context(), service)
		if err == nil {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("the role is not in effect: %v", err)
		}
	}
}

// TestPlanLeavesReplicasToTheAutoscaler: what an autoscaler made of the replicas is
// no change in the plan, whatever number the manifests have, and none in the record.
func TestPlanLeavesReplicasToTheAutoscaler(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.planning("spec:\n  selector: {matchLabels", "spec:\n  replicas: 2\n  selector: {matchLabels")
	d.released(d.approve(d.plan(first)), first)
	scale := func(n string) {
		t.Helper()
		testenv.Kubectl(t, "--namespace", d.namespace, "scale", "deployment/web", "--replicas="+n)
	}
	scale("4")
	if _, err := Plan(t.Context(), first); err == nil || !strings.Contains(err.Error(), ".spec.replicas is owned by kubectl") {
		t.Errorf("without an autoscaler, what somebody chose by hand is not named: %v", err)
	}
	testenv.Kubectl(t, "--namespace", d.namespace, "autoscale", "deployment", "web", "--min=2", "--max=9")
	if p := d.plan(first); !p.Empty() {
		t.Errorf("of what the autoscaler chose would change: %q", changes(p))
	}
	second := d.planning("spec:\n  selector: {matchLabels", "spec:\n  replicas: 3\n  selector: {matchLabels", "$digest", strings.Repeat("2", 64))
	p := d.plan(second)
	if got := changes(p); len(got) != 1 || strings.Contains(got[0], "replicas") {
		t.Errorf("it would change %q", got)
	}
	approved := d.approve(p)
	scale("5") // and goes on choosing: the plan is the same
	outcome := d.released(approved, second)
	web := outcome.Record.Objects[0]
	if web.Before.Replicas != nil || web.After.Replicas != nil {
		t.Errorf("the record has replicas: %+v → %+v", web.Before, web.After)
	}
	if pods, err := kube.List[corev1.Pod](t.Context(), d.cluster, kube.Pods, d.namespace, "app=web", ""); err != nil || len(pods) < 5 {
		t.Errorf("%d pods, %v", len(pods), err)
	}
}
