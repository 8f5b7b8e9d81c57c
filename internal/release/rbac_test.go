package release

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/testenv"
)

// served is a service whose pods really answer.
const served = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {version: "$version"}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {token: "$version"}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: node:22-bookworm-slim
          env: [{name: VERSION, value: "$version"}]
          envFrom: [{configMapRef: {name: settings}}]
          command: [node, -e, 'if (process.env.VERSION === "broken") process.exit(1); require("http").createServer((q, s) => s.end("ok")).listen(8080); process.on("SIGTERM", () => process.exit(0))']
          readinessProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 1}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store}
spec:
  serviceName: store
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: store, image: "node:22-bookworm-slim", command: [sh, -c, 'test "$version" != stuck && sleep infinity'], readinessProbe: {exec: {command: ["true"]}, initialDelaySeconds: 1, periodSeconds: 1}}]
`

// documentedAccount is one with the two roles in docs and no other right.
func documentedAccount(t *testing.T, of platform.Owner) *kube.Cluster {
	t.Helper()
	namespace, book := of.Namespace, of.Ledger()
	testenv.Kubectl(t, "create", "namespace", book)
	testenv.Kubectl(t, "label", "namespace", book, "slipway.dev/platform="+of.Platform, "slipway.dev/environment="+of.Environment)
	account := kubetest.Account(t, namespace, "slipway")
	for in, role := range map[string]string{namespace: "role-application", book: "role"} {
		name := map[string]string{"role-application": "slipway-application", "role": "slipway-ledger"}[role]
		testenv.Kubectl(t, "--namespace", in, "apply", "--filename", "../../docs/"+role+".yaml")
		testenv.Kubectl(t, "--namespace", in, "create", "rolebinding", "slipway", "--role", name, "--serviceaccount", namespace+":slipway")
	}
	// The API server tells nobody when it has taken up a role binding.
	granted := func() bool {
		_, application := kube.List[corev1.Pod](t.Context(), account, kube.Pods, namespace, "", "")
		_, ledgers := kube.List[corev1.ConfigMap](t.Context(), account, kube.ConfigMaps, book, "", "")
		return application == nil && ledgers == nil
	}
	for late := time.Now().Add(time.Minute); !granted(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("the roles are not in effect")
		}
	}
	return account
}

// TestDocumentedRolesMigrate: a migration and the restore that takes it back need
// no more than these roles either.
func TestDocumentedRolesMigrate(t *testing.T) {
	t.Parallel()
	m := newMigrating(t)
	m.cluster = documentedAccount(t, m.ledger.Owner())
	var err error
	if m.ledger, err = ledger.Open(m.cluster, m.ledger.Owner()); err != nil {
		t.Fatal(err)
	}
	m.platform.Database.OnFailure = platform.Restore
	first := m.planning()
	o := m.options(first)
	o.Verify, o.OnFailure = failing(), m.backup()
	outcome, err := Apply(t.Context(), m.approve(m.plan(first)), first, o)
	check(t, m, outcome, err, "the database is the backup again", "item")
}

// TestDocumentedRoles: with the two roles in docs and nothing else, a release is
// made, one that fails is taken back with its reason, and all is rolled back.
func TestDocumentedRoles(t *testing.T) {
	t.Parallel()
	namespace := testenv.Namespace(t)
	of := platform.Owner{Platform: "shop", Environment: testenv.Environment(t), Namespace: namespace}
	account := documentedAccount(t, of)
	l, err := ledger.Open(account, of)
	if err != nil {
		t.Fatal(err)
	}
	options := func(version string) Options {
		objects, err := kube.Render(t.Context(), kube.Source{Name: "served", Text: []byte(strings.ReplaceAll(served, "$version", version))}, kube.RenderOptions{Namespace: namespace})
		if err != nil {
			t.Fatal(err)
		}
		if err := kube.HashConfiguration(objects); err != nil {
			t.Fatal(err)
		}
		shop := &platform.Platform{Services: []platform.Service{{Name: "web", Port: 8080, Health: "/health"}}}
		shop.Verify.Inside = []platform.Command{{Service: "web", Run: []string{"node", "-p", "process.env.VERSION"}, Timeout: platform.Duration{Duration: time.Minute}}}
		verifier := Verifier{Cluster: account, Namespace: namespace, Platform: shop, Say: t.Logf}
		verify := func(ctx context.Context, _ *ledger.Record) error { return verifier.Verify(ctx) }
		return Options{Ledger: l, Verify: verify, Rollout: rollout.Options{
			Cluster: account, Namespace: namespace, Objects: objects, Deadline: time.Minute,
			Services: []rollout.Service{{Name: "web", Port: 8080, Health: "/health"}, {Name: "store"}},
			Critical: func(string) bool { return false }, // logs are read
		}}
	}
	outcome, err := Run(t.Context(), options("one"))
	if err != nil || outcome.State != ledger.Released {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if _, err := Plan(t.Context(), Planning{Ledger: l, Rollout: options("two").Rollout}); err != nil {
		t.Error("plan:", err)
	}
	outcome, err = Run(t.Context(), options("broken"))
	var failure *rollout.Failure
	if !errors.As(err, &failure) || outcome.State != ledger.Failed || len(failure.Events) == 0 {
		t.Fatalf("%+v, %v, %+v", outcome, err, failure)
	}
	// Of a StatefulSet the pod has to be deleted that its controller waits for.
	outcome, err = Run(t.Context(), options("stuck"))
	if !errors.As(err, &failure) || failure.Service != "store" || outcome.State != ledger.Failed {
		t.Fatalf("%+v, %v, %+v", outcome, err, failure)
	}
	if outcome, err = Run(t.Context(), options("two")); err != nil {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if err := Adopt(t.Context(), options("two")); err != nil {
		t.Error("adopt:", err)
	}
	if outcome, err = Rollback(t.Context(), options("two"), Previous); err != nil || outcome.State != ledger.Released {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if outcome, err = Rollback(t.Context(), options("two"), 0); err != nil {
		t.Fatalf("%+v, %v", outcome, err)
	}
	left := testenv.Kubectl(t, "--namespace", namespace, "get", "deployments,statefulsets,services,secrets,configmaps", "--output", "name", "--selector", "app.kubernetes.io/managed-by=slipway")
	if strings.TrimSpace(left) != "" {
		t.Errorf("left over: %s", left)
	}
}
