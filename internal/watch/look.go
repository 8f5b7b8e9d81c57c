package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/probe"
	"github.com/teei/slipway/internal/rollout"
)

// Eyes see what goes wrong in an environment.
type Eyes struct {
	// Rollout has the cluster, the namespace, the services in order, the deadline by
	// which they must answer, which log lines are critical, and what is secret.
	Rollout rollout.Options
	// Analysis of the services' metrics; nil where nobody keeps them.
	Analysis *probe.Analysis
	// Unmeasured is the variable that would say where they are kept and has no value;
	// "" where that is known, or nobody asks for them.
	Unmeasured string
}

// past is how much of the time before a release its metrics are compared with.
const past = 30 * time.Minute

// Look sees what should not be now, and what has come up since.
func (e Eyes) Look(ctx context.Context, release *ledger.Record, since, now time.Time) ([]Sight, error) {
	e.Rollout.Redact = rollout.RedactHeld(ctx, e.Rollout.Cluster, e.Rollout.Namespace, e.Rollout.Redact)
	o := e.Rollout
	o.Settle, o.Critical = 0, nil // lines are a finding of their own
	o.Services = slices.Clone(o.Services)
	for i, s := range o.Services {
		o.Services[i].Image = release.Images[s.Name]
	}
	result, err := rollout.Inspect(ctx, o)
	var sights []Sight
	for _, f := range rollout.Failures(err) {
		sights = append(sights, Sight{Kind: "health", Subject: f.Service, Text: f.Reason})
	}
	if err != nil && len(sights) == 0 {
		return nil, err
	}
	for _, s := range result.Services {
		seen, err := e.pods(ctx, s, since)
		if err != nil {
			return nil, err
		}
		sights = append(sights, seen...)
	}
	measured, err := e.metrics(ctx, release, since, now)
	return append(sights, measured...), err
}

func (e Eyes) pods(ctx context.Context, s rollout.ServiceResult, since time.Time) (sights []Sight, err error) {
	restarts, lines, first := 0, 0, ""
	since = since.Truncate(time.Second) // as exactly as a container's end is known
	for _, pod := range s.Running {
		for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			if end := c.LastTerminationState.Terminated; c.RestartCount > 0 && end != nil && !end.FinishedAt.Time.Before(since) {
				restarts++
				first = because(first, fmt.Sprintf("container %s ended with %d (%s)", c.Name, end.ExitCode, end.Reason))
			}
		}
	}
	if restarts > 0 {
		sights = append(sights, Sight{Kind: "restarts", Subject: s.Name, Text: rollout.Clean(first)})
	}
	if e.Rollout.Critical == nil {
		return sights, nil
	}
	first = ""
	for _, pod := range s.Running {
		for _, c := range pod.Spec.Containers {
			line, n, err := rollout.CriticalLines(ctx, e.Rollout.Cluster, pod, kube.LogOptions{Container: c.Name, Since: since}, e.Rollout.Critical)
			if err != nil {
				return nil, err
			}
			lines, first = lines+n, because(first, line)
		}
	}
	if lines > 0 {
		text := e.redact(rollout.Clean(e.redact(first)))
		sights = append(sights, Sight{Kind: "logs", Subject: s.Name, Text: fmt.Sprintf("%d critical lines, the first: %s", lines, text)})
	}
	return sights, nil
}

// because keeps the first reason.
func because(first, next string) string {
	if first != "" {
		return first
	}
	return next
}

func (e Eyes) redact(text string) string {
	if e.Rollout.Redact == nil {
		return text
	}
	return e.Rollout.Redact(text)
}

// metrics compares the time since the last look with that before the release.
// Too few requests are no finding, since nights are quiet; no answer is one.
func (e Eyes) metrics(ctx context.Context, release *ledger.Record, since, now time.Time) (sights []Sight, err error) {
	if e.Unmeasured != "" {
		return []Sight{{Kind: Unmeasured, Subject: e.Unmeasured, Text: "it has no value, so nobody looks at errors and latency"}}, nil
	}
	if e.Analysis == nil {
		return nil, nil
	}
	a := *e.Analysis
	a.At, a.Window, a.Before, a.Past = now, now.Sub(since), release.Past(), past
	var names []string
	for _, s := range e.Rollout.Services {
		names = append(names, s.Name)
	}
	measures, err := a.Measure(ctx, names)
	var silent []string
	reason := ""
	for _, m := range measures {
		switch {
		case m.Result == probe.Fail:
			sights = append(sights, Sight{Kind: m.Kind, Subject: m.Service, Text: m.Reason})
		case m.Result == probe.Inconclusive && !m.Quiet:
			silent, reason = append(silent, m.Service), because(reason, m.Reason)
		}
	}
	if len(silent) > 0 {
		text := rollout.Clean(e.redact(reason)) + "; nobody looked at errors and latency of " + strings.Join(silent, ", ")
		sights = append(sights, Sight{Kind: Unmeasured, Subject: a.Metrics.Prometheus, Text: text, Unanswered: true})
	}
	return sights, err
}
