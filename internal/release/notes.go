package release

import (
	"context"
	"fmt"
	"slices"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/rollout"
)

// Notes are what people who decide about a plan should know of the environment and
// what is not in the plan, since it may be otherwise in a minute: a release that
// ended in the middle, and services that are not healthy.
func Notes(ctx context.Context, o Planning, p *plan.Plan) ([]string, error) {
	notes, err := FirstUndone(ctx, o.Ledger)
	if err != nil {
		return nil, err
	}
	looking, stop := context.WithCancel(ctx)
	defer stop()
	o.Rollout.Redact = rollout.RedactHeld(ctx, o.Rollout.Cluster, o.Rollout.Namespace, o.Rollout.Redact)
	seen, err := rollout.Look(ctx, looking, o.Rollout)
	if kube.Refused(err) {
		return append(notes, "how the services are could not be looked at: "+rollout.Clean(err.Error())), nil
	}
	if err != nil {
		return nil, err
	}
	for _, c := range seen.Before {
		changes := slices.ContainsFunc(p.Objects, func(obj plan.Object) bool { return obj.ID == c.Name || obj.Service == c.Name })
		switch {
		case c.Idle && !changes:
			notes = append(notes, c.Name+" asks for no pods, so nothing is asked of it")
		case c.Idle:
		case changes:
			notes = append(notes, c.Name+" is unhealthy now: "+c.Reason)
		default:
			notes = append(notes, c.Name+" is unhealthy now and does not change, so it is not waited for: "+c.Reason)
		}
	}
	return notes, nil
}

// FirstUndone says of a release that ended in the middle that it is undone before
// the next one begins; it is empty where there is none.
func FirstUndone(ctx context.Context, l *ledger.Ledger) ([]string, error) {
	record, changes, err := Interrupted(ctx, l)
	if err != nil || record == nil {
		return nil, err
	}
	return []string{fmt.Sprintf("%s is %s since %s: it died in the middle, unless it still runs. Its undo comes first (%s), and a plan is of what comes after that",
		l.Name(record.Number), record.State, record.Started.UTC().Format("2006-01-02 15:04 MST"), count(len(changes), "object"))}, nil
}
