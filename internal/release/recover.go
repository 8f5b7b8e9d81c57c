package release

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// recover takes back what a release left half done whose process died, and returns
// its record, nil if there was none.
func (o *Options) recover(ctx context.Context, lock *ledger.Lock) (*ledger.Record, error) {
	record, err := o.Ledger.Unfinished(ctx)
	if err != nil || record == nil {
		return nil, err
	}
	o.say("%s ended in the middle; what it changed is taken back first", o.Ledger.Name(record.Number))
	entry, changes, err := o.take(ctx, lock, record)
	if err != nil {
		return nil, err
	}
	// What comes next is verified; what is wrong already must not stand in its way.
	back := *o
	back.Verify = nil
	outcome, err := back.takeBack(ctx, lock, entry, changes)
	if err == nil {
		o.say("%s was undone: %s", o.Ledger.Name(record.Number), outcome.Verdict)
	}
	return record, err
}

// UndoneError says that a release which had ended in the middle was undone, and that
// the one which was to follow was not begun.
type UndoneError struct {
	Release string
	Err     error
	// Advice is what to do about it. Default: a new plan.
	Advice string
}

func (e *UndoneError) Error() string {
	return e.Release + " had ended in the middle and was undone; nothing else was changed: " + e.Err.Error()
}

// notBegun is why a rollback was refused which came after an undo: that one has changed
// something, so it is no use that was wrong from the start.
func (o *Options) notBegun(undone *ledger.Record, err error) error {
	if undone == nil || err == nil || replaced(err) {
		return err
	}
	e := &UndoneError{Release: o.Ledger.Name(undone.Number), Err: err}
	if hinted := (interface{ Hint() string })(nil); errors.As(err, &hinted) {
		e.Advice = hinted.Hint()
	}
	return e
}

// Unwrap returns the cause.
func (e *UndoneError) Unwrap() error { return e.Err }

// Usage marks that something was changed.
func (e *UndoneError) Usage() bool { return false }

// Hint says what to do about it.
func (e *UndoneError) Hint() string {
	if e.Advice != "" {
		return e.Advice
	}
	return "make a new plan with `slipway plan` and have it approved"
}

// take makes an unfinished release ours: its process, if it was only paused,
// can neither record a step nor write an object any more.
func (o *Options) take(ctx context.Context, lock *ledger.Lock, record *ledger.Record) (*ledger.Entry, []rollout.Change, error) {
	entry, err := o.Ledger.Take(ctx, record.Number, lock.Fence)
	if err != nil {
		return nil, nil, err
	}
	if err := o.endTasks(ctx, lock, entry.Record); err != nil {
		return nil, nil, err
	}
	changes, err := o.changes(ctx, entry.Record)
	if err != nil {
		return nil, nil, err
	}
	objects := make([]*kube.Object, len(changes))
	for i, c := range changes {
		objects[i] = c.Object
	}
	return entry, changes, lock.Stamp(ctx, objects)
}

// takeBack undoes changes and closes their release.
func (o *Options) takeBack(ctx context.Context, lock *ledger.Lock, entry *ledger.Entry, changes []rollout.Change) (*Outcome, error) {
	lasting, stop := untilLost(context.WithoutCancel(ctx), lock)
	defer stop()
	beginning, stop := untilLost(ctx, lock)
	defer stop()
	database, err := o.databaseBack(beginning, lock, entry)
	if err != nil {
		return o.withoutDatabase(ctx, entry, err)
	}
	options := o.guarded(lock, entry.Record)
	options.Journal = o.journal(entry)
	result, err := rollout.Undo(beginning, lasting, options, changes)
	outcome := &Outcome{Number: entry.Record.Number, Rollout: result, Record: entry.Record, State: ledger.Failed}
	ids := without(changedIDs(changes), result)
	outcome.Verdict = backAsBefore(ids, result)
	judge(entry.Record, result)
	switch {
	case replaced(err):
		return outcome, err
	case ctx.Err() != nil && errors.As(err, new(*rollout.LeftError)):
		return o.left(outcome, "it was cancelled in the middle, and not everything was taken back", err)
	}
	to := entry.Record.RollbackTo
	if to != nil && !begun(entry.Record) {
		to, outcome.Verdict = nil, "nothing had begun"
	}
	if to != nil {
		outcome.State, outcome.Verdict = ledger.Released, "back at "+o.Ledger.Name(*to)+": "+compared(ids)+stayed(result)
	}
	if schema := entry.Record.Schema; database != "" && schema != nil {
		entry.Record.Migrations, schema.After = nil, schema.Before // they went with it
	}
	if database == "" {
		stays, failed := o.schemaStays(ctx, entry.Record)
		database, err = stays, errors.Join(err, failed)
	}
	if database != "" {
		outcome.Verdict = servicesOnly(outcome.Verdict) + "; " + database
	}
	if err != nil {
		outcome.State, outcome.Verdict = ledger.Stuck, "not everything could be taken back"
	} else if len(changes) > 0 || to != nil {
		err = o.prove(ctx, entry, changes, ids, outcome)
	}
	switch {
	case to == nil || outcome.State == ledger.Stuck:
	case err != nil || ctx.Err() != nil:
		outcome.State = ledger.Stuck // what it goes back to is to work, and is asked again
		err = cmp.Or(err, context.Cause(ctx))
	default:
		var noted error
		entry.Record.Images, noted = o.running(ctx)
		undisturbed(entry.Record)
		err = errors.Join(noted, o.Ledger.MarkRolledBack(ctx, *to, entry.Record.Number))
		if err != nil {
			outcome.State = ledger.Stuck // else what was taken back would still stand in the ledger
		} else if *to == 0 {
			o.leave(ctx)
		}
	}
	entry.Ended(rollbackStep, err)
	return outcome, errors.Join(err, entry.Close(o.noting, outcome.State, outcome.Verdict))
}

// withoutDatabase ends a rollback whose database could not be restored before
// anything else was changed. A release that ended in the middle stays open: its
// services are still a mixture.
func (o *Options) withoutDatabase(ctx context.Context, entry *ledger.Entry, err error) (*Outcome, error) {
	outcome := &Outcome{Number: entry.Record.Number, Record: entry.Record, State: ledger.Running, Verdict: "the database could not be restored, and nothing else was taken back"}
	if ctx.Err() != nil || replaced(err) || errors.As(err, new(*DatabaseWaitsError)) || !untouched(entry.Record) {
		return outcome, err
	}
	outcome.State, outcome.Verdict = ledger.Failed, "the database could not be restored, and nothing was changed"
	entry.Ended(rollbackStep, err)
	return outcome, errors.Join(err, entry.Close(o.noting, outcome.State, outcome.Verdict))
}

// untouched reports whether a record is of a rollback that did no more than to
// try the database once.
func untouched(record *ledger.Record) bool {
	tries := 0
	for _, s := range record.Steps {
		switch s.Name {
		case databaseStep:
			tries++
		case rollbackStep:
		default:
			return false
		}
	}
	return record.RollbackTo != nil && tries == 1
}

// begun reports whether a rollback got as far as to note what it takes back.
func begun(record *ledger.Record) bool {
	return slices.ContainsFunc(record.Steps, func(s ledger.Step) bool { return s.Name == rollbackStep })
}

// changes are those that a release noted, each object once, as it was first.
func (o *Options) changes(ctx context.Context, record *ledger.Record) ([]rollout.Change, error) {
	if err := o.Ledger.Here(record); err != nil {
		return nil, err
	}
	var all []rollout.Change
	seen := map[string]bool{}
	for _, step := range record.Steps {
		if step.Name == intentStep || len(step.Before) == 0 {
			continue
		}
		var noted []rollout.Change
		if err := o.Ledger.Before(ctx, step, &noted); err != nil {
			return nil, err
		}
		for _, c := range noted {
			if id := kube.ID(c.Object); !seen[id] {
				seen[id] = true
				all = append(all, c)
			}
		}
	}
	return all, nil
}

// wanted reads what a release wants, and reports whether it got as far as to say.
func (o *Options) wanted(ctx context.Context, record *ledger.Record, into *intent) (bool, error) {
	for _, step := range record.Steps {
		if step.Name == intentStep && len(step.Before) > 0 {
			return true, o.Ledger.Before(ctx, step, into)
		}
	}
	return false, nil
}
