package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/rollout"
)

const rolloutText = `The eleven services of the sample platform, one pod each, are updated in order in one namespace: another annotation on every pod template, so every pod is replaced;
images and manifests are the same on both sides, rendered before. **Slipway** is a whole release, as ` + "`ci deploy`" + ` and ` + "`slipway apply`" + ` make it: it connects to the cluster, takes the environment's lock, tries every object
server-side, applies it, and for each service waits until its new pods are ready, have answered its health path, themselves and through the Service, and logged nothing critical; each step is recorded in the cluster
before and after, and at the end all services are asked once more. **The loop** is
` + "`kubectl apply`" + ` and ` + "`kubectl rollout status`" + ` for one service after the other. **Helm** is ` + "`helm upgrade --install --wait`" + `
with a chart for each service, in a namespace of its own. Before each run all pods of the one before are gone. Left out are the migrations, and of the
verification at the end commands inside of the cluster, user flows and Prometheus; services have no time to settle. Slipway runs in the process that measures, while the others start kubectl or helm for each command,
as they do for whoever writes that.`

// rollouts measures Slipway's ordered rollout against Helm and a loop of kubectl.
func rollouts(ctx context.Context, b *bench) (Result, error) {
	binary, err := b.installHelm(ctx)
	if err != nil {
		return Result{}, err
	}
	byHelm := func(s *stage) func(context.Context) (time.Duration, error) { return s.helm(binary) }
	// kubectl has to have applied once as well, before it can tell a change.
	s, err := b.stage(ctx, "rollout", bySlipway, byKubectl)
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	h, err := b.stage(ctx, "helm", byHelm)
	if err != nil {
		return Result{}, err
	}
	defer h.close()
	t, err := b.interleave(ctx, b.short,
		variant{"slipway", s.settled(s.slipway)},
		variant{"kubectl", s.settled(s.kubectl)},
		variant{"helm", h.settled(h.helm(binary))},
	)
	if err != nil {
		return Result{}, err
	}
	return Result{
		Title: "Rollout of eleven services", Text: rolloutText,
		Comparisons: []Comparison{
			{Name: "Slipway / loop of kubectl", Ratios: ratios(t["slipway"], t["kubectl"]), Target: 1.05},
			{Name: "Slipway / Helm", Ratios: ratios(t["slipway"], t["helm"]), Target: 1.1},
		},
		Times: []Times{{Name: "Slipway", Seconds: t["slipway"]}, {Name: "loop of kubectl", Seconds: t["kubectl"]}, {Name: "Helm", Seconds: t["helm"]}},
	}, nil
}

// slipway releases the services.
func (s *stage) slipway(ctx context.Context) (time.Duration, error) {
	objects, err := s.changed("slipway")
	if err != nil {
		return 0, err
	}
	kubeconfig, err := os.ReadFile(s.env["KUBECONFIG"])
	if err != nil {
		return 0, err
	}
	start := time.Now()
	cluster, err := kube.Connect(ctx, kubeconfig, "")
	if err != nil {
		return 0, err
	}
	outcome, err := s.release(ctx, cluster, rollout.Options{Objects: objects, Services: s.services})
	took := time.Since(start)
	var failure *rollout.Failure
	if errors.As(err, &failure) {
		return 0, fmt.Errorf("%w\n%s", err, failure.String())
	}
	if err != nil {
		return 0, err
	}
	for _, service := range outcome.Rollout.Services {
		if !service.Changed || !service.Healthy {
			return 0, fmt.Errorf("roll out %s: changed %t, healthy %t", service.Name, service.Changed, service.Healthy)
		}
	}
	return took, nil
}

// release releases as people do with Slipway, on the stage.
func (s *stage) release(ctx context.Context, cluster *kube.Cluster, o rollout.Options) (*release.Outcome, error) {
	book, err := ledger.Open(cluster, platform.Owner{Platform: s.platform.Name, Environment: s.namespace, Namespace: s.namespace})
	if err != nil {
		return nil, err
	}
	o.Cluster, o.Namespace = cluster, s.namespace
	if err := release.Verification(&o, s.platform.Verify); err != nil {
		return nil, err
	}
	o.Settle = 0
	atLast := *s.platform
	atLast.Flows, atLast.Verify.Inside, atLast.Verify.Metrics = nil, nil, nil
	return release.Run(ctx, release.Options{
		Ledger: book, Record: ledger.Record{By: ledger.Holder{Person: "bench"}}, Rollout: o,
		Verify: func(ctx context.Context, _ *ledger.Record) error {
			v := release.Verifier{Cluster: cluster, Namespace: s.namespace, Platform: &atLast, All: true, Say: func(string, ...any) {}}
			return v.Verify(ctx)
		},
	})
}

// changed are the objects with another value of an annotation on every pod
// template. Each side has its own annotation: a value that both set would be a
// conflict of field managers.
func (s *stage) changed(side string) ([]*kube.Object, error) {
	s.changes++
	objects := make([]*kube.Object, len(s.objects))
	for i, obj := range s.objects {
		objects[i] = obj.DeepCopy()
		if obj.GetKind() != "Deployment" {
			continue
		}
		value := fmt.Sprintf("%s-%d", s.id, s.changes)
		if err := unstructured.SetNestedField(objects[i].Object, value, "spec", "template", "metadata", "annotations", "bench/"+side); err != nil {
			return nil, err
		}
	}
	return objects, nil
}
