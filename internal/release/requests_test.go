package release

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/counter"
	"github.com/teei/slipway/testenv/testenv"
)

// plain is a service of the counted release; its pods answer, and log.
const plain = `
apiVersion: v1
kind: Service
metadata: {name: $name}
spec: {selector: {app: $name}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: $name}
spec:
  selector: {matchLabels: {app: $name}}
  template:
    metadata: {labels: {app: $name}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: app
          image: node:22-bookworm-slim
          env: [{name: VERSION, value: "$version"}]
          envFrom: [{configMapRef: {name: settings}}]
          command: [node, -e, 'require("http").createServer((q, s) => s.end("ok")).listen(8080); process.on("SIGTERM", () => process.exit(0))']
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 1}
---
`

// settings are read by all of them, and do not change.
const settings = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red}
`

// mostRequests of a service in a good release.
const mostRequests = 12

// TestRequests counts what a good release of eleven services, verified as a
// whole, asks of the API server: its fixed part, such as lock and record, is in it.
func TestRequests(t *testing.T) {
	t.Parallel()
	const services = 11
	environment, namespace := testenv.Environment(t), testenv.Namespace(t)
	c, err := counter.Start(t.Context(), testenv.Env(t)["KUBECONFIG"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	release := func(version string) {
		t.Helper()
		cluster, err := kube.Connect(t.Context(), c.Kubeconfig, "")
		if err != nil {
			t.Fatal(err)
		}
		book, err := ledger.Open(cluster, platform.Owner{Platform: "shop", Environment: environment, Namespace: namespace})
		if err != nil {
			t.Fatal(err)
		}
		p := &platform.Platform{}
		text := settings
		for i := range services {
			name := fmt.Sprintf("service-%d", i+1)
			text += "---" + strings.NewReplacer("$name", name, "$version", version).Replace(plain)
			p.Services = append(p.Services, platform.Service{Name: name, Port: 8080, Health: "/health"})
		}
		p.Verify.Logs = &platform.Logs{Levels: []string{"error"}}
		objects, err := kube.Render(t.Context(), kube.Source{Name: "eleven", Text: []byte(text)}, kube.RenderOptions{Namespace: namespace})
		if err != nil {
			t.Fatal(err)
		}
		o := rollout.Options{Cluster: cluster, Namespace: namespace, Objects: objects, Services: Services(p, nil), Deadline: time.Minute}
		if err := Verification(&o, p.Verify); err != nil {
			t.Fatal(err)
		}
		verify := func(ctx context.Context, _ *ledger.Record) error {
			return Verifier{Cluster: cluster, Namespace: namespace, Platform: p, All: true, Say: t.Logf}.Verify(ctx)
		}
		// A lock that is not renewed meanwhile: how often it is depends on the machine.
		if outcome, err := Run(t.Context(), Options{Ledger: book, Rollout: o, Verify: verify, Lease: 10 * time.Minute}); err != nil {
			t.Fatalf("%+v: %v", outcome, err)
		}
	}
	release("old")
	c.Reset()
	release("new")
	if asked := float64(c.Requests()) / services; asked > mostRequests {
		t.Errorf("%.1f requests a service, and %d are the most:\n%s", asked, mostRequests, c)
	}
	t.Logf("%d requests", c.Requests())
	for path, begun := range c.Watches() {
		if begun > 1 {
			t.Errorf("%d watches of %s were begun", begun, path)
		}
	}
}
