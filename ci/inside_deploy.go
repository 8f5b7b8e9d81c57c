package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/probe"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/rollout"
)

// deployInside releases the services from within a container.
func deployInside(ctx context.Context) error {
	return record(ctx, func(ctx context.Context) (d deployed, err error) {
		p, o, err := readOrder()
		if err != nil {
			return d, err
		}
		err = onLeash(ctx, func(ctx context.Context, ci *outside) error {
			d.Release, d.Runs, err = releaseInside(ctx, p, o, ci)
			return err
		})
		for _, failure := range rollout.Failures(err) {
			d.Detail += failure.String()
		}
		return d, err
	})
}

// readOrder reads what is to be done, and the platform it is done to.
func readOrder() (*platform.Platform, order, error) {
	var o order
	data, err := os.ReadFile(orderPath)
	if err == nil {
		err = json.Unmarshal(data, &o)
	}
	if err != nil {
		return nil, o, errNotInside
	}
	p, err := platform.Load(workdir)
	if err == nil {
		p.LimitDeadlines(o.Deadline)
	}
	return p, o, err
}

func connectInside(ctx context.Context) (*kube.Cluster, error) {
	kubeconfig, err := os.ReadFile(kubeconfigPath)
	if err != nil {
		return nil, errNotInside
	}
	return kube.Connect(ctx, kubeconfig, "")
}

func releaseInside(ctx context.Context, p *platform.Platform, o order, ci *outside) (*release.Outcome, string, error) {
	cluster, err := connectInside(ctx)
	if err != nil {
		return nil, "", err
	}
	objects, err := render(ctx, p, o, func(h kube.Hook) { ci.say("  excluded, another tool's hook: %s", h) })
	if err != nil {
		return nil, "", err
	}
	if err := checkVariables(ctx, cluster, objects, p); err != nil {
		return nil, "", err
	}
	if err := cluster.EnsureNamespace(ctx, o.Namespace); err != nil {
		return nil, "", err
	}
	book, err := ledger.Open(cluster, o.Ledger)
	if err != nil {
		return nil, "", err
	}
	book.Keep, book.Copy = o.History, ci.keep
	var show func(string)
	if o.Terminal {
		show = ci.show
	}
	options := rollout.Options{
		Cluster: cluster, Namespace: o.Namespace, Objects: objects, Services: release.Services(p, o.Images), Deadline: p.DeadlineOf(""),
		Progress: release.Teller(ci.say, show),
		Redact:   redactor(o.Values),
	}
	if err := release.Verification(&options, p.Verify); err != nil {
		return nil, "", err
	}
	outcome, err := release.Run(ctx, release.Options{
		Ledger: book, Record: o.Record, Held: &o.Lock, Say: ci.say, Rollout: options,
		Verify:  func(ctx context.Context, r *ledger.Record) error { return verify(ctx, cluster, p, o, r, ci.say) },
		Failing: func(ctx context.Context) []ledger.Condition { return verifier(cluster, p, o, ci.say).Failing(ctx) },
	})
	return outcome, book.Now(ctx), err
}

// render reads the manifests, as the order has them.
func render(ctx context.Context, p *platform.Platform, o order, excluded func(kube.Hook)) ([]*kube.Object, error) {
	m := release.Manifests{Overlay: o.Overlay, Namespace: o.Namespace, Images: o.Images, Excluded: excluded}
	if p.Manifests.Command != "" {
		var err error
		if m.Printed, err = os.ReadFile(manifestsPath); err != nil {
			return nil, errNotInside
		}
	}
	objects, err := release.Objects(ctx, p, m)
	switch {
	case err != nil && p.Manifests.Command != "":
		return nil, &advised{err, "what manifests.command prints must be Kubernetes objects as YAML"}
	case err != nil:
		return nil, err
	}
	for _, what := range o.Inject {
		if err := inject(objects, what); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// inject sets a variable in the containers of one Deployment.
func inject(objects []*kube.Object, what string) error {
	service, variable, _ := strings.Cut(what, ":")
	name, value, _ := strings.Cut(variable, "=")
	for _, obj := range objects {
		if len(kube.Images(obj)) == 0 || obj.GetName() != service {
			continue
		}
		containers, _, err := unstructured.NestedSlice(obj.Object, "spec", "template", "spec", "containers")
		if err != nil {
			return err
		}
		for _, c := range containers {
			container := c.(map[string]any)
			env, _ := container["env"].([]any)
			container["env"] = append(env, map[string]any{"name": name, "value": value})
		}
		return unstructured.SetNestedSlice(obj.Object, containers, "spec", "template", "spec", "containers")
	}
	return &platform.UsageError{Message: "--inject: the manifests have no workload " + service, Advice: "name a service, as in --inject q2q-ai:FAULT=exit"}
}

// checkVariables refuses a release that a service would only die of.
func checkVariables(ctx context.Context, cluster *kube.Cluster, objects []*kube.Object, p *platform.Platform) error {
	problems, err := probe.Variables(ctx, cluster, objects, p.Variables)
	if err != nil {
		return err
	}
	for _, v := range p.Variables {
		value := os.Getenv(v.Name)
		if err := v.Check(value); err != nil {
			problems = append(problems, probe.VariableProblem{Name: v.Name, Where: "the values of the target", Cause: err.Error()})
		}
	}
	if len(problems) > 0 {
		return &probe.VariablesError{Problems: problems}
	}
	return nil
}

// verify asks, once all services are healthy, for what they live on and for
// what users do.
func verify(ctx context.Context, cluster *kube.Cluster, p *platform.Platform, o order, r *ledger.Record, say func(string, ...any)) error {
	for _, kind := range platform.InfrastructureKinds() {
		in, ok := p.Infrastructure[kind]
		if !ok {
			continue
		}
		took, err := probe.Reach(ctx, kind, os.Getenv(in.Variable), 10*time.Second)
		if err != nil {
			return &advised{err, "is it up, and is it where " + in.Variable + " says? `ci doctor` asks it from this machine"}
		}
		say("✓ %s answers a query after %s", kind, seconds(took))
	}
	return verifier(cluster, p, o, say).Of(r).Verify(ctx)
}

func verifier(cluster *kube.Cluster, p *platform.Platform, o order, say func(string, ...any)) release.Verifier {
	v := release.Verifier{Cluster: cluster, Namespace: o.Namespace, Platform: p, Ledger: o.Ledger.Ledger(), Redact: redactor(o.Values), Say: say}
	if m := p.Verify.Metrics; m != nil {
		v.Prometheus = os.Getenv(m.Prometheus)
	}
	return v
}

// redactor takes the values of variables out of what pods and commands said.
func redactor(names []string) func(string) string {
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = os.Getenv(name)
	}
	return platform.Redactor(values)
}
