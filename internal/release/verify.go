package release

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/probe"
	"github.com/teei/slipway/internal/rollout"
)

// Verification sets what slipway.yaml asks of services with new pods.
func Verification(o *rollout.Options, v platform.Verify) error {
	if v.Settle != nil {
		o.Settle = v.Settle.Duration
	}
	o.Metrics = v.Metrics
	if v.Logs == nil {
		return nil
	}
	rules := probe.LogRules{Levels: v.Logs.Levels}
	for _, p := range []struct {
		from []string
		to   *[]*regexp.Regexp
	}{{v.Logs.Patterns, &rules.Patterns}, {v.Logs.Allow, &rules.Allow}} {
		for _, text := range p.from {
			pattern, err := regexp.Compile(text)
			if err != nil {
				return fmt.Errorf("read verify.logs: %w", err)
			}
			*p.to = append(*p.to, pattern)
		}
	}
	o.Critical = rules.Critical
	return nil
}

// Verifier verifies a platform as a whole, once each of its services is healthy.
type Verifier struct {
	Cluster   *kube.Cluster
	Namespace string
	Platform  *platform.Platform
	// Images by service that should run; nil for whatever runs.
	Images map[string]string
	// Prometheus is its address, "" for none.
	Prometheus string
	// Began is when the release did: what was before is what metrics are compared with.
	Began time.Time
	// Release is the number of the release that is verified: whoever takes it over ends
	// what the verification left running. 0 is none.
	Release int
	// Health is how services and flows were before the release, as far as it has not
	// touched them: what was wrong then is named, and is no failure now. See Of.
	Health ledger.Health
	// Ledger is the namespace of the ledger that has it, "" where there is none.
	Ledger string
	// Redact takes secrets out of logs and messages.
	Redact func(string) string
	// All says that every service of the platform must be there. Otherwise those
	// without a workload are passed over: what was taken back may be from before them.
	All bool
	// Say tells a person what was verified.
	Say func(format string, args ...any)
}

// past is how much of the time before a release its metrics are compared with.
const past = 30 * time.Minute

// patienceAll is how long services may take to answer once all were healthy.
const patienceAll = 30 * time.Second

// Verify runs the platform's own commands in the cluster, walks its flows, asks
// Prometheus, and at last looks at all services once more: a later one may have
// broken an earlier one.
func (v Verifier) Verify(ctx context.Context) (err error) {
	v.Redact = rollout.RedactHeld(ctx, v.Cluster, v.Namespace, v.Redact)
	defer func() { err = hide(err, v.Redact) }()
	start := time.Now()
	services, err := v.expected(ctx)
	if err != nil {
		return err
	}
	there := func(service string) bool {
		return slices.ContainsFunc(services, func(s rollout.Service) bool { return s.Name == service })
	}
	commands := slices.DeleteFunc(slices.Clone(v.Platform.Verify.Inside), func(c platform.Command) bool { return !there(c.Service) })
	if len(v.Platform.Verify.Inside) == 0 && len(v.Platform.Infrastructure) > 0 {
		v.Say("· %s not asked from inside of the cluster: verify.inside names no command", strings.Join(slices.Sorted(maps.Keys(v.Platform.Infrastructure)), ", "))
	}
	still, err := v.stillUnwell(ctx, services)
	if err != nil {
		return err
	}
	commands = slices.DeleteFunc(commands, func(c platform.Command) bool { return v.leavesOut(c, still) })
	if err := v.inside(ctx, commands); err != nil {
		return err
	}
	flows := slices.DeleteFunc(slices.Clone(v.Platform.Flows), func(f platform.Flow) bool { return !there(f.Service) })
	if err := v.flows(ctx, flows, still); err != nil {
		return err
	}
	services = slices.DeleteFunc(services, func(s rollout.Service) bool { return still[s.Name] != nil })
	if len(services) == 0 {
		return nil
	}
	if err := v.metrics(ctx, services, start); err != nil {
		return err
	}
	return v.services(ctx, services, start)
}

// expected are the services that are to work.
func (v Verifier) expected(ctx context.Context) ([]rollout.Service, error) {
	services := Services(v.Platform, v.Images)
	if v.All {
		return services, nil
	}
	present, err := rollout.Present(ctx, v.Cluster, v.Namespace)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(services, func(s rollout.Service) bool { return !present[s.Name] }), nil
}

func (v Verifier) services(ctx context.Context, services []rollout.Service, since time.Time) error {
	o := rollout.Options{Cluster: v.Cluster, Namespace: v.Namespace, Services: services, Deadline: patienceAll, Redact: v.Redact}
	if err := Verification(&o, v.Platform.Verify); err != nil {
		return err
	}
	o.Settle, o.Since = 0, since
	result, err := rollout.Inspect(ctx, o)
	if err == nil {
		v.Say("✓ %s healthy together", count(len(result.Services), "service"))
	}
	return err
}
