package release

import (
	"context"
	"errors"
	"slices"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// was finds services as they were released before a record's release, or as the
// release had them that a rollback goes back to: what they answer to may have
// changed since. Records are read once, and only if something goes back.
func (o *Options) was(record *ledger.Record) func(context.Context, string) (rollout.Service, error) {
	var all []*ledger.Record
	known := map[int][]rollout.Service{}
	return func(ctx context.Context, service string) (rollout.Service, error) {
		none := rollout.Service{Name: service}
		if all == nil {
			var err error
			if all, err = o.Ledger.Releases(ctx); err != nil && !errors.As(err, new(*ledger.DamagedError)) {
				return none, err
			}
		}
		for _, r := range all { // newest first
			if !stoodBefore(r, record) {
				continue
			}
			if _, read := known[r.Number]; !read {
				var wanted intent
				if _, err := o.wanted(ctx, r, &wanted); err != nil {
					return none, err
				}
				known[r.Number] = wanted.Services
			}
			if i := slices.IndexFunc(known[r.Number], func(s rollout.Service) bool { return s.Name == service }); i >= 0 {
				return known[r.Number][i], nil
			}
		}
		return none, nil
	}
}

// stoodBefore reports whether a release is part of what another goes back to.
func stoodBefore(r, record *ledger.Record) bool {
	before := record.Number - 1
	if to := record.RollbackTo; to != nil {
		before = *to
	}
	return r.State == ledger.Released && r.RollbackTo == nil && r.Number <= before
}
