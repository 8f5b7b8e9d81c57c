package release

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// look finds, before anything is written, which services are not healthy, and which
// flows fail where one is not. It goes into the record, so that whoever continues a
// release knows as well what was wrong before it.
func (o *Options) look(ctx, watching context.Context, record *ledger.Record) error {
	if len(o.Rollout.Services)+len(o.Rollout.Neighbours) == 0 {
		return nil
	}
	lookout, err := rollout.Look(ctx, watching, o.Rollout)
	if err != nil {
		return err
	}
	o.Rollout.Lookout, record.Health = lookout, &ledger.Health{Services: lookout.Before}
	if len(lookout.Before) == 0 {
		return nil
	}
	for _, c := range lookout.Before {
		o.say("· %s", wasUnwell(c))
	}
	if o.Failing != nil {
		record.Health.Flows = o.Failing(ctx)
	}
	return nil
}

// wasUnwell says how a service was before a release.
func wasUnwell(c ledger.Condition) string {
	if c.Idle {
		return c.Name + " asks for no pods"
	}
	return fmt.Sprintf("%s is unhealthy already: %s", c.Name, c.Reason)
}

// before is what the rollout is told of it; nil if nobody looked.
func before(r *ledger.Record) []ledger.Condition {
	if r.Health == nil {
		return nil
	}
	return append([]ledger.Condition{}, r.Health.Services...)
}

// unwell are the services that were not healthy before a release and that it did
// not write: how they are is no reason to take it back.
func unwell(r *ledger.Record) map[string]ledger.Condition {
	out := map[string]ledger.Condition{}
	if r.Health == nil {
		return out
	}
	for _, c := range r.Health.Services {
		if !slices.ContainsFunc(r.Objects, func(t ledger.Touched) bool { return t.Service == c.Name || t.ID == c.Name }) {
			out[c.Name] = c
		}
	}
	return out
}

// asBefore is a record whose release was taken back: nothing is touched any more.
// A rollback that was asked for stays, since what it goes back to has to work.
func asBefore(r *ledger.Record) *ledger.Record {
	if r.RollbackTo != nil {
		return r
	}
	out := *r
	out.Objects = nil
	return &out
}

// released is the verdict on a release that went well: what runs, and what was not
// healthy before it and is not its matter.
func released(r *ledger.Record, result *rollout.Result) string {
	healthy := 0
	for _, s := range result.Services {
		if s.Before == "" {
			healthy++
		}
	}
	text := runs(healthy) + " what was released"
	var others []string
	for name, c := range unwell(r) {
		if !c.Idle {
			others = append(others, name+" ("+c.Reason+")")
		}
	}
	if slices.Sort(others); len(others) > 0 {
		text += "; unhealthy before and not touched: " + strings.Join(others, ", ")
	}
	return text
}
