package release

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/testenv"
)

// Of two services that crash one is mended alone. It stays, with the flow that fails
// for the other; and what breaks it later goes back, with the other named and no more.
func TestUntouchedNeighbourIsNoReasonToUndo(t *testing.T) {
	t.Parallel()
	cluster, namespace := kubetest.Cluster(t), testenv.Namespace(t)
	book, err := ledger.Open(cluster, platform.Owner{Platform: "shop", Environment: testenv.Environment(t), Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	objects := func(name, version, answer string) []*kube.Object {
		t.Helper()
		text := settings + "---" + strings.NewReplacer("$name", name, "$version", version, `s.end("ok")`, answer).Replace(plain)
		objects, err := kube.Render(t.Context(), kube.Source{Name: name, Text: []byte(text)}, kube.RenderOptions{Namespace: namespace})
		if err != nil {
			t.Fatal(err)
		}
		return objects
	}
	const crash, works = `process.exit(3)`, `s.end("ok")`
	const refuses = `s.writeHead((q.headers["user-agent"] || "").startsWith("kube-probe") ? 200 : 500).end()`
	// It ends as it is asked by its readiness probe.
	for _, name := range []string{"a", "b"} {
		for _, obj := range objects(name, "1", crash) {
			if _, err := cluster.Apply(t.Context(), obj, kube.ApplyOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := &platform.Platform{}
	for _, name := range []string{"a", "b"} {
		p.Services = append(p.Services, platform.Service{Name: name, Port: 8080, Health: "/health"})
		p.Flows = append(p.Flows, platform.Flow{Name: "flow of " + name, Service: name, Steps: []platform.FlowStep{{Path: "/"}}})
	}
	var said strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }
	verifier := Verifier{Cluster: cluster, Namespace: namespace, Platform: p, Say: say}
	release := func(version, answer string) (*Outcome, error) {
		said.Reset()
		return Run(t.Context(), Options{
			Ledger: book, Say: say, Failing: verifier.Failing,
			Verify: func(ctx context.Context, r *ledger.Record) error { return verifier.Of(r).Verify(ctx) },
			Rollout: rollout.Options{
				Cluster: cluster, Namespace: namespace, Objects: objects("a", version, answer), Deadline: time.Minute,
				Services: Services(p, nil)[:1], Neighbours: Services(p, nil),
			},
		})
	}
	outcome, err := release("2", works)
	if err != nil || outcome.State != ledger.Released || !strings.Contains(outcome.Verdict, "; unhealthy before and not touched: b (") {
		t.Fatalf("%v, %+v\n%s", err, outcome, said.String())
	}
	if h := outcome.Record.Health; h == nil || condition(h.Services, "b") == nil || condition(h.Flows, "flow of b") == nil {
		t.Errorf("the record has %+v", h)
	}
	for _, want := range []string{"b is unhealthy already: ", "b is unhealthy, as before, and was not touched: ", "flow of b fails, as before the release: ", "✓ flow of a"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("nobody said %q:\n%s", want, said.String())
		}
	}
	outcome, err = release("3", refuses)
	failed := new(rollout.Failure)
	if !errors.As(err, &failed) || failed.Service != "a" || len(rollout.Failures(err)) != 1 || outcome.State != ledger.Failed || !strings.Contains(outcome.Verdict, "the platform was verified again") {
		t.Errorf("%v, %+v\n%s", err, outcome, said.String())
	}
}
