package release

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/teei/slipway/internal/kube"
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
	// Redact takes secrets out of logs and messages.
	Redact func(string) string
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
func (v Verifier) Verify(ctx context.Context) error {
	start := time.Now()
	if err := v.inside(ctx); err != nil {
		return err
	}
	if err := Flows(ctx, v.Cluster, v.Namespace, v.Platform.Flows, v.Say); err != nil {
		return err
	}
	if err := v.metrics(ctx, start); err != nil {
		return err
	}
	return v.services(ctx, start)
}

func (v Verifier) services(ctx context.Context, since time.Time) error {
	o := rollout.Options{
		Cluster: v.Cluster, Namespace: v.Namespace, Services: Services(v.Platform, v.Images), Deadline: patienceAll, Redact: v.Redact,
	}
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
