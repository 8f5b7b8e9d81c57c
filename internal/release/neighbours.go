package release

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/rollout"
)

// Of is this verifier for a release: compared with the time before it, and with
// what was wrong already and is not its matter.
func (v Verifier) Of(r *ledger.Record) Verifier {
	v.Began, v.Release = r.Past(), r.Number
	v.Health = ledger.Health{}
	for _, c := range unwell(r) {
		v.Health.Services = append(v.Health.Services, c)
	}
	if r.Health != nil {
		v.Health.Flows = r.Health.Flows
	}
	return v
}

// stillUnwell looks once at the services that were not healthy before, and names
// those that are not now either. The others are verified like all.
func (v Verifier) stillUnwell(ctx context.Context, services []rollout.Service) (map[string]*ledger.Condition, error) {
	still := map[string]*ledger.Condition{}
	var suspects []rollout.Service
	for _, s := range services {
		if condition(v.Health.Services, s.Name) != nil {
			suspects = append(suspects, s)
		}
	}
	if len(suspects) == 0 {
		return still, nil
	}
	looking, stop := context.WithCancel(ctx)
	defer stop()
	seen, err := rollout.Look(ctx, looking, rollout.Options{Cluster: v.Cluster, Namespace: v.Namespace, Neighbours: suspects, Redact: v.Redact})
	if err != nil {
		return nil, err
	}
	for _, s := range suspects {
		c := condition(seen.Before, s.Name)
		switch {
		case c == nil:
			v.Say("✓ %s was not healthy before, and is now", s.Name)
			continue
		case c.Idle:
			v.Say("· %s asks for no pods, as before", s.Name)
		default:
			v.Say("· %s is unhealthy, as before, and was not touched: %s", s.Name, c.Reason)
		}
		still[s.Name] = c
	}
	return still, nil
}

func condition(all []ledger.Condition, name string) *ledger.Condition {
	for i, c := range all {
		if c.Name == name {
			return &all[i]
		}
	}
	return nil
}

// leavesOut passes over the commands of services that are unhealthy as before: their
// pods do not run either.
func (v Verifier) leavesOut(c platform.Command, still map[string]*ledger.Condition) bool {
	was := still[c.Service]
	if was == nil || was.Idle {
		return false
	}
	v.Say("· the command of %s is left out: the service is unhealthy, as before", c.Service)
	return true
}

// flows walks them. One that failed before the release too is named, and is no
// failure, as long as a service that was not touched is still not healthy: nobody can
// tell which of the two it fails for.
func (v Verifier) flows(ctx context.Context, flows []platform.Flow, still map[string]*ledger.Condition) error {
	for _, flow := range flows {
		err := walk(ctx, v.Cluster, v.Namespace, flow, v.Say)
		if err == nil {
			continue
		}
		if ctx.Err() != nil || still[flow.Service] == nil && (len(still) == 0 || condition(v.Health.Flows, flow.Name) == nil) {
			return err
		}
		v.Say("· %s fails, as before the release: %s", flow.Name, v.redact(rollout.Clean(err.Error())))
	}
	return nil
}

// longestWalk is how long the flows may take before a release of an environment in
// which something is wrong. What does not end by then counts as failed.
const longestWalk = 20 * time.Second

// Failing walks the flows before a release and says which fail.
func (v Verifier) Failing(ctx context.Context) (failing []ledger.Condition) {
	walking, stop := context.WithTimeoutCause(ctx, longestWalk, fmt.Errorf("it was not over within %s", longestWalk))
	defer stop()
	v.Redact = rollout.RedactHeld(ctx, v.Cluster, v.Namespace, v.Redact)
	services, err := v.expected(walking)
	if err != nil {
		return nil
	}
	silent := func(string, ...any) {}
	for _, flow := range v.Platform.Flows {
		if !slices.ContainsFunc(services, func(s rollout.Service) bool { return s.Name == flow.Service }) {
			continue
		}
		if err := walk(walking, v.Cluster, v.Namespace, flow, silent); err != nil {
			failing = append(failing, ledger.Condition{Name: flow.Name, Reason: v.redact(rollout.Clean(err.Error()))})
			v.Say("· %s fails already: %s", flow.Name, failing[len(failing)-1].Reason)
		}
	}
	return failing
}
