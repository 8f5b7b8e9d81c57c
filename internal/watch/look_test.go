package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

// shop is a service whose behaviour changes when it is told to, long after its release.
const shop = `
const http = require("http");
let requests = 0, errors = 0, slow = 0, broken = "";
const series = () => ["# TYPE hits counter", "hits " + requests, "# TYPE misses counter", "misses " + errors, "# TYPE took histogram",
  'took_bucket{le="0.5"} ' + (requests - slow), 'took_bucket{le="5"} ' + requests, 'took_bucket{le="+Inf"} ' + requests, "took_sum " + slow * 4, "took_count " + requests, ""].join("\n");
http.createServer((q, s) => {
  if (q.url === "/metrics") return s.end(series());
  if (q.url === "/health") { s.statusCode = broken === "health" ? 500 : 200; return s.end(broken); }
  if (q.url.startsWith("/become/")) {
    broken = q.url.slice(8);
    if (broken === "logs") console.log("a disaster with s3cret-token");
    if (broken === "restarts") setTimeout(() => process.exit(9), 50);
    return s.end();
  }
  if (q.url === "/ready") return s.end();
  requests++;
  if (broken === "latency") slow++;
  if (broken === "errors") { errors++; s.statusCode = 500; }
  s.end("ok");
}).listen(8080);
process.on("SIGTERM", () => process.exit(0));
`

const manifest = `
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
        - {name: app, image: "node:22-bookworm-slim", command: [node, -e, %q], readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}}
`

// place is a namespace with the shop in it.
type place struct {
	*testing.T
	cluster *kube.Cluster
	options rollout.Options
}

func open(t *testing.T) *place {
	p := &place{T: t, cluster: kubetest.Cluster(t)}
	namespace := testenv.Namespace(t)
	objects, err := kube.Render(t.Context(), kube.Source{Name: "test", Text: fmt.Appendf(nil, manifest, shop)}, kube.RenderOptions{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	p.options = rollout.Options{
		Cluster: p.cluster, Namespace: namespace, Deadline: 20 * time.Second, Objects: objects,
		Services: []rollout.Service{{Name: "shop", Port: 8080, Health: "/health"}},
		Critical: func(line string) bool { return strings.Contains(line, "disaster") },
		Redact:   strings.NewReplacer("s3cret-token", "***").Replace,
	}
	if _, err := rollout.Deploy(t.Context(), p.options); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *place) ask(path string) {
	p.Helper()
	if _, err := p.cluster.GetService(p.Context(), p.options.Namespace, "shop", "80", path); err != nil {
		p.Fatal(err)
	}
}

// Everything that can go wrong with a release later is seen, for real: pods,
// logs, and Prometheus, which scrapes them.
func TestEyes(t *testing.T) {
	for _, kind := range []string{"", "health", "restarts", "errors", "latency", "logs"} {
		t.Run("kind "+kind, func(t *testing.T) {
			t.Parallel()
			p := open(t)
			share := 0.05
			eyes := Eyes{Rollout: p.options, Analysis: &probe.Analysis{
				Address: testenv.Env(t)["PROMETHEUS_URL"], Namespace: p.options.Namespace,
				Metrics: platform.Metrics{
					Requests: "hits", Errors: "misses", Seconds: "took", MostErrors: &share, Times: 2, Least: 5,
					MostLatency: platform.Duration{Duration: time.Second}, Select: `namespace="${namespace}",service="${service}"`,
				},
			}}
			began := time.Now()
			if kind != "" {
				p.ask("/become/" + kind)
			}
			release := &ledger.Record{Started: began, Ended: &began}
			var sights []Sight
			var err error
			requests, stop := context.WithCancel(t.Context())
			defer stop()
			go func() {
				for requests.Err() == nil {
					_, _ = p.cluster.GetService(requests, p.options.Namespace, "shop", "80", "/")
				}
			}()
			// Prometheus scrapes every 2 seconds, and the kubelet tells of a restart when it likes.
			for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
				sights, err = eyes.Look(t.Context(), release, began, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				if slices.ContainsFunc(sights, func(s Sight) bool { return s.Kind == kind }) {
					break
				}
				if kind == "" && time.Since(began) > 8*time.Second {
					break
				}
			}
			var kinds []string
			for _, s := range sights {
				kinds = append(kinds, s.Kind)
				if s.Subject != "shop" || s.Text == "" || strings.Contains(s.Text, "s3cret") {
					t.Errorf("%+v", s)
				}
			}
			if got := strings.Join(kinds, " "); got != kind {
				t.Errorf("seen: %v", sights)
			}
		})
	}
}

// Where the platform wants its metrics to be watched and nobody says where they are,
// that is a finding; where it does not, there is none.
func TestEyesThatSeeNoMetrics(t *testing.T) {
	for variable, want := range map[string]int{"PROMETHEUS_URL": 1, "": 0} {
		sights, err := Eyes{Unmeasured: variable}.metrics(t.Context(), &ledger.Record{}, time.Now(), time.Now())
		if err != nil || len(sights) != want || want == 1 && (sights[0].Kind != Unmeasured || sights[0].Subject != variable) {
			t.Errorf("%q: %+v, %v", variable, sights, err)
		}
	}
}

// A Prometheus that does not answer is seen, for which services, and its password is
// not shown.
func TestEyesWithoutPrometheus(t *testing.T) {
	t.Parallel()
	share := 0.05
	m := platform.Metrics{Prometheus: "PROMETHEUS_URL", MostErrors: &share, Times: 2, Least: 5, Select: "a=\"b\"", Requests: "hits", Errors: "e", Seconds: "s"}
	eyes := Eyes{
		Analysis: &probe.Analysis{Address: "http://user:s3cret@127.0.0.1:1", Metrics: m},
		Rollout:  rollout.Options{Services: []rollout.Service{{Name: "shop"}, {Name: "mail"}}},
	}
	now := time.Now()
	sights, err := eyes.metrics(t.Context(), &ledger.Record{Started: now, Ended: &now}, now, now)
	if err != nil || len(sights) != 1 {
		t.Fatalf("%+v, %v", sights, err)
	}
	s := sights[0]
	if s.Kind != Unmeasured || s.Subject != "PROMETHEUS_URL" || !s.Unanswered || strings.Contains(s.Text, "s3cret") ||
		!strings.HasPrefix(s.Text, "Prometheus does not answer: ") || !strings.HasSuffix(s.Text, "of shop, mail") {
		t.Errorf("%+v", s)
	}
}
