package release

import (
	"context"
	"errors"
	"time"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/ledger"
)

// errHurry says that whoever cancelled the run does not wait for its end.
var errHurry = errors.New("there was no time to wait for its end")

// attempt runs the migrator. A run that is cancelled by somebody who soon kills it
// waits no longer than it may: what goes on is in the ledger as begun, and the
// next run ends it first.
func (o *Options) attempt(ctx context.Context, m Migrating) (done database.Migrated, err error) {
	if o.Rollout.Grace == 0 {
		return o.Migrator.Migrate(ctx, m)
	}
	ended := make(chan struct{})
	var inTime database.Migrated
	var failed error
	go func() {
		defer close(ended)
		inTime, failed = o.Migrator.Migrate(ctx, m)
	}()
	select {
	case <-ended:
		return inTime, failed
	case <-ctx.Done():
	}
	select {
	case <-ended:
		return inTime, failed
	case <-time.After(o.Rollout.Grace):
		return done, errors.Join(errHurry, context.Cause(ctx))
	}
}

// hurried reports whether a run was cancelled and has seconds left.
func (o *Options) hurried(ctx context.Context) bool { return ctx.Err() != nil && o.Rollout.Grace > 0 }

// left is the outcome of a run that was cancelled, and that another one goes on with.
func (o *Options) left(outcome *Outcome, verdict string, err error) (*Outcome, error) {
	outcome.State, outcome.Verdict = ledger.Running, verdict
	return outcome, &CancelledError{Release: o.Ledger.Name(outcome.Number), Environment: o.Ledger.Environment, Err: err}
}

// restoreLater leaves the database to the next run, which the open step tells that
// it has to go back: a restore takes minutes, and a run that was cancelled has seconds.
func (o *Options) restoreLater(entry *ledger.Entry, outcome *Outcome, failed error) (*Outcome, error) {
	noted := entry.Begin(o.noting, databaseStep, nil)
	return o.left(outcome, "it was cancelled, and there was no time for the database to go back to its backup", errors.Join(failed, noted))
}
