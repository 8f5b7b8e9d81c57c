package release

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/probe"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/testenv"
)

// busy counts its requests as the services of the sample do, and FAULT breaks it as
// it breaks these: errors:SHARE or slow:TIME. Its health path is always fine, so
// that the metrics alone tell.
const busy = `
const [kind, value] = (process.env.FAULT || "").split(":");
let requests = 0, errors = 0, slow = 0;
const metrics = () => ["# TYPE http_requests_total counter", "http_requests_total " + requests, "# TYPE http_request_errors_total counter", "http_request_errors_total " + errors,
  "# TYPE http_request_duration_seconds histogram", 'http_request_duration_seconds_bucket{le="0.5"} ' + (requests - slow), 'http_request_duration_seconds_bucket{le="1"} ' + requests,
  'http_request_duration_seconds_bucket{le="+Inf"} ' + requests, "http_request_duration_seconds_sum " + slow * 0.8, "http_request_duration_seconds_count " + requests, ""].join("\n");
require("http").createServer((q, s) => {
  if (q.url === "/metrics") return s.end(metrics());
  if (q.url === "/health") return s.end("ok");
  setTimeout(() => {
    requests++;
    if (kind === "slow") slow++;
    if (kind === "errors" && requests % 10 / 10 < value) { errors++; s.statusCode = 500; }
    s.end("ok");
  }, kind === "slow" ? parseInt(value) : 0);
}).listen(8080);
process.on("SIGTERM", () => process.exit(0));
`

const busyManifest = `
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata:
      labels: {app: shop, app.kubernetes.io/name: shop}
      annotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080"}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - {name: shop, image: "node:22-bookworm-slim", command: [node, -e, %q], env: [{name: VERSION, value: %q}, {name: FAULT, value: %q}],
           readinessProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 1}}
`

// market is an environment with one service that Prometheus scrapes.
type market struct {
	*testing.T
	cluster   *kube.Cluster
	ledger    *ledger.Ledger
	namespace string
	platform  *platform.Platform
	said      strings.Builder
}

// openMarket has a release of a healthy shop, which its metrics do not yet judge.
func openMarket(t *testing.T, inconclusive string) *market {
	t.Helper()
	m := &market{T: t, cluster: kubetest.Cluster(t), namespace: testenv.Namespace(t)}
	var err error
	if m.ledger, err = ledger.Open(m.cluster, platform.Owner{Platform: "shop", Environment: testenv.Environment(t), Namespace: m.namespace}); err != nil {
		t.Fatal(err)
	}
	share := 0.05
	m.platform = &platform.Platform{
		Services: []platform.Service{{Name: "shop", Port: 8080, Health: "/health"}},
		Verify: platform.Verify{Metrics: &platform.Metrics{
			Prometheus: "PROMETHEUS_URL", During: &platform.Duration{Duration: 10 * time.Second}, MostErrors: &share,
			MostLatency: platform.Duration{Duration: 600 * time.Millisecond}, Times: 2, Least: 20, Inconclusive: inconclusive,
			Requests: "http_requests_total", Errors: "http_request_errors_total", Seconds: "http_request_duration_seconds",
			Select: `namespace="${namespace}",service="${service}"`,
		}},
	}
	o := m.options("old", "")
	o.Verify = nil
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *market) options(version, fault string) Options {
	m.Helper()
	objects, err := kube.Render(m.Context(), kube.Source{Name: "shop", Text: fmt.Appendf(nil, busyManifest, busy, version, fault)}, kube.RenderOptions{Namespace: m.namespace})
	if err != nil {
		m.Fatal(err)
	}
	return Options{
		Ledger: m.ledger,
		Rollout: rollout.Options{
			Cluster: m.cluster, Namespace: m.namespace, Objects: objects, Deadline: time.Minute, Services: Services(m.platform, nil),
		},
		Verify: func(ctx context.Context, r *ledger.Record) error {
			return Verifier{
				Cluster: m.cluster, Namespace: m.namespace, Platform: m.platform, Prometheus: testenv.Env(m.T)["PROMETHEUS_URL"], Began: r.Past(),
				Redact: func(s string) string { return s }, Say: func(format string, args ...any) { fmt.Fprintf(&m.said, format+"\n", args...) },
			}.Verify(ctx)
		},
	}
}

// visited uses the shop, as four users do, until the test ends. It returns when
// Prometheus has seen enough of it to compare with.
func (m *market) visited() {
	ctx, stop := context.WithCancel(m.Context())
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for ctx.Err() == nil {
				_, _ = m.cluster.GetService(ctx, m.namespace, "shop", "80", "/") // it may be broken: that is the point
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	m.Cleanup(func() { stop(); users.Wait() })
	seen := probe.Analysis{Address: testenv.Env(m.T)["PROMETHEUS_URL"], Namespace: m.namespace, Metrics: *m.platform.Verify.Metrics, Window: past, Past: past}
	for limit := time.Now().Add(time.Minute); ; time.Sleep(500 * time.Millisecond) { // it cannot be watched
		seen.At, seen.Before = time.Now(), time.Now()
		found, err := seen.Measure(ctx, []string{"shop"})
		if err == nil && found[0].PastErrors != nil && found[0].PastLatency != nil {
			return
		}
		if err != nil || time.Now().After(limit) {
			m.Fatalf("Prometheus did not see the users: %+v, %v", found, err)
		}
	}
}

func (m *market) version() string {
	return testenv.Kubectl(m, "--namespace", m.namespace, "get", "deployment", "shop", "--output", "jsonpath={.spec.template.spec.containers[0].env[0].value}")
}

// TestPrometheusDecides: the real Prometheus, which scrapes the pods, about a service
// that is used before its release and after it. What it fails is taken back, though
// its pods are healthy; where nobody uses the service, slipway.yaml decides.
func TestPrometheusDecides(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, fault, inconclusive string
		quiet                     bool
		result                    probe.Result // "" where it is released
		reason, says              string
	}{
		{name: "healthy", inconclusive: platform.Fail, says: "✓ metrics: 1 service as good as before"},
		{name: "fails", fault: "errors:0.3", inconclusive: platform.Pass, result: probe.Fail, reason: " of its requests fail, 5 % is the most; before the release it was 0 %"},
		{name: "is slow", fault: "slow:800ms", inconclusive: platform.Pass, result: probe.Fail, reason: "ms is the most; before the release it was "},
		{name: "nobody uses it, and that may be", inconclusive: platform.Pass, quiet: true, says: "too few requests to tell, less than 20: shop"},
		{name: "nobody uses it, and that may not be", inconclusive: platform.Fail, quiet: true, result: probe.Inconclusive, reason: "0 requests in 10"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := openMarket(t, tt.inconclusive)
			if !tt.quiet {
				m.visited()
			}
			outcome, err := Run(t.Context(), m.options("new", tt.fault))
			if tt.result == "" {
				if err != nil || outcome.State != ledger.Released || m.version() != "new" || !strings.Contains(m.said.String(), tt.says) {
					t.Errorf("%+v, %v; it says %q", outcome, err, m.said.String())
				}
				return
			}
			var failed *MetricsError
			if !errors.As(err, &failed) || failed.Measures[0].Result != tt.result || !strings.Contains(failed.Measures[0].Reason, tt.reason) {
				t.Fatalf("%+v, %v; it says %q", outcome, err, m.said.String())
			}
			t.Log(failed)
			if outcome.State != ledger.Failed || m.version() != "old" || !strings.HasPrefix(outcome.Verdict, "everything is as before") {
				t.Errorf("%+v: %s, and %s runs", outcome, outcome.Verdict, m.version())
			}
			if again := "the platform was verified again"; strings.Contains(outcome.Verdict, again) == tt.quiet {
				t.Errorf("what went back: %s; %v", outcome.Verdict, err)
			}
		})
	}
}
