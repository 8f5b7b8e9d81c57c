package release

import (
	"context"
	"strings"
	"time"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/probe"
	"github.com/teei/slipway/internal/rollout"
)

// MetricsError names the services whose metrics are worse than they may be.
type MetricsError struct {
	Measures []probe.Measure // those that did not pass
}

func (e *MetricsError) Error() string {
	var lines []string
	for _, m := range e.Measures {
		lines = append(lines, m.Service+": "+m.Reason)
	}
	return "the metrics are not as they should be: " + strings.Join(lines, "; ")
}

// Hint says what to do about it.
func (e *MetricsError) Hint() string {
	for _, m := range e.Measures {
		if m.Result == probe.Fail {
			return "verify.metrics in slipway.yaml has the limits"
		}
	}
	return "verify.metrics.inconclusive in slipway.yaml says what that means"
}

// metrics asks Prometheus how all services have been doing since then, for as
// long as the platform wants to measure.
func (v Verifier) metrics(ctx context.Context, services []rollout.Service, since time.Time) error {
	m := v.Platform.Verify.Metrics
	if m == nil || m.Prometheus == "" {
		return nil
	}
	if v.Prometheus == "" {
		return v.judge(*m, unmeasured(services, m.Prometheus))
	}
	if err := v.measuring(ctx, since.Add(m.During.Duration)); err != nil {
		return err
	}
	now := time.Now()
	var names []string
	for _, s := range services {
		names = append(names, s.Name)
	}
	measures, err := v.Analysis(now, now.Sub(since)).Measure(ctx, names)
	if err != nil {
		return err
	}
	return v.judge(*m, measures)
}

// unmeasured says of services that nobody knows where Prometheus is.
func unmeasured(services []rollout.Service, variable string) (all []probe.Measure) {
	for _, s := range services {
		all = append(all, probe.Measure{Service: s.Name, Result: probe.Inconclusive, Reason: variable + " has no value, so Prometheus was not asked"})
	}
	return all
}

// Analysis is how the platform's metrics are asked for a window of time.
func (v Verifier) Analysis(at time.Time, window time.Duration) probe.Analysis {
	return probe.Analysis{
		Address: v.Prometheus, Namespace: v.Namespace, Metrics: *v.Platform.Verify.Metrics,
		At: at, Window: window, Before: v.Began, Past: past,
	}
}

// measuring waits until there is enough to measure.
func (v Verifier) measuring(ctx context.Context, until time.Time) error {
	left := time.Until(until)
	if left <= 0 {
		return nil
	}
	v.Say("· metrics: measuring for %s", left.Round(100*time.Millisecond))
	enough := time.NewTimer(left)
	defer enough.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-enough.C:
		return nil
	}
}

func (v Verifier) judge(m platform.Metrics, measures []probe.Measure) error {
	var bad []probe.Measure
	var quiet []string
	silent := ""
	passed := 0
	for _, found := range measures {
		switch {
		case found.Result == probe.Pass:
			passed++
		case found.Result == probe.Fail, m.Inconclusive == platform.Fail:
			bad = append(bad, found)
		case found.Quiet:
			quiet = append(quiet, found.Service)
		default:
			silent = found.Reason // the same for all
		}
	}
	if len(bad) > 0 {
		return &MetricsError{Measures: bad}
	}
	if passed > 0 || silent == "" {
		v.Say("✓ metrics: %s as good as before", count(passed, "service"))
	}
	if len(quiet) > 0 {
		v.Say("  too few requests to tell, less than %d: %s", m.Least, strings.Join(quiet, ", "))
	}
	if silent != "" {
		v.Say("· metrics are inconclusive: %s", silent)
	}
	return nil
}
