package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// acceptStep is a person's decision that a release stays as it is.
const acceptStep = "accept"

// Acceptable is what a person has to decide about: a release that is stuck, or that
// ended in the middle, and what is not as it was before it. It changes nothing, and
// returns nil where no release waits for a decision.
func Acceptable(ctx context.Context, o Options) (*ledger.Record, []string, error) {
	record, err := o.Ledger.Unfinished(ctx)
	if err != nil || record == nil {
		return nil, nil, err
	}
	changes, err := o.changes(ctx, record)
	if err != nil {
		return nil, nil, err
	}
	differing, _, err := o.differing(ctx, changes)
	return record, differing, err
}

// Accept ends a release that is stuck, or that ended in the middle, as it is now, since
// a person has decided that it stays. What others own of it by now becomes slipway's,
// so that the next plan meets no conflict. Where anything differs from before, the
// release stands, and a rollback takes it back; a rollback stands as the release that
// it goes back to. What was accepted is in the record, and is not promoted.
func Accept(ctx context.Context, o Options) (*Outcome, error) {
	lock, err := o.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer o.giveBack(ctx, lock)
	record, err := o.Ledger.Unfinished(ctx)
	if err != nil {
		return nil, err
	}
	if record == nil {
		return nil, &NothingError{Environment: o.Ledger.Environment, Wanted: "accept"}
	}
	if err := o.asShown(record); err != nil {
		return nil, err
	}
	if s := stepOf(record, databaseStep); s != nil && (s.Ended == nil || s.Error != "") {
		return nil, &DatabaseWaitsError{Release: o.Ledger.Name(record.Number), Environment: o.Ledger.Environment}
	}
	var wanted intent
	if _, err := o.wanted(ctx, record, &wanted); err != nil {
		return nil, err
	}
	entry, changes, err := o.take(ctx, lock, record)
	if err != nil {
		return nil, err
	}
	ctx, stop := untilLost(ctx, lock)
	defer stop()
	if err := entry.Begin(ctx, acceptStep, nil); err != nil {
		return nil, err
	}
	options := o.guarded(lock, entry.Record)
	options.Objects = wanted.Objects
	err = rollout.TakeOver(ctx, options, changes)
	if err := errors.Join(err, entry.End(o.noting, acceptStep, err)); err != nil {
		return nil, err
	}
	return o.accepted(ctx, entry, changes)
}

// asShown refuses to accept another release than the one that a person was shown.
func (o *Options) asShown(record *ledger.Record) error {
	if o.Agreed == nil || o.Agreed.Unfinished == record.Number {
		return nil
	}
	return &OtherWayError{Environment: o.Ledger.Environment, doing: "accept what is in"}
}

// accepted closes the release, by what is there.
func (o *Options) accepted(ctx context.Context, entry *ledger.Entry, changes []rollout.Change) (*Outcome, error) {
	differing, ids, err := o.differing(ctx, changes)
	if err != nil {
		return nil, err
	}
	record := entry.Record
	outcome := &Outcome{Number: record.Number, Record: record, State: ledger.Failed}
	outcome.Verdict = fmt.Sprintf("%s accepted it as it is: ", o.Record.By.Name())
	to := record.RollbackTo
	if to != nil && begun(record) {
		outcome.State = ledger.Released
		outcome.Verdict += "back at " + o.Ledger.Name(*to)
		if len(differing) > 0 {
			outcome.Verdict += ", but for " + strings.Join(differing, ", ")
		}
	} else if len(differing) > 0 {
		outcome.State = ledger.Released
		outcome.Verdict += strings.Join(differing, ", ")
	} else {
		outcome.Verdict += "everything is as before: " + compared(changedIDs(changes))
	}
	if len(record.Migrations) > 0 {
		outcome.Verdict += "; " + applied(record.Migrations)
	}
	record.Accepted = &ledger.Acceptance{By: o.Record.By, At: time.Now().UTC(), Objects: ids}
	if outcome.State == ledger.Released {
		if record.Images, err = o.running(ctx); err != nil {
			return outcome, err
		}
	}
	if outcome.State == ledger.Released && to != nil {
		if err := o.Ledger.MarkRolledBack(ctx, *to, record.Number); err != nil {
			return outcome, err
		}
	}
	if record.Word() == ledger.Uninstalled && len(differing) == 0 { // the state is written below
		o.leave(ctx)
	}
	entry.Ended(rollbackStep, nil)
	return outcome, entry.Close(o.noting, outcome.State, outcome.Verdict)
}

// differing says in words what is not as before the changes, and of which objects.
func (o *Options) differing(ctx context.Context, changes []rollout.Change) (said, ids []string, err error) {
	for _, c := range changes {
		id := kube.ID(c.Object)
		live, err := o.Rollout.Cluster.Read(ctx, c.Object)
		if err != nil {
			return nil, nil, err
		}
		text := ""
		switch {
		case live == nil && c.Before != nil:
			text = id + " is gone"
		case live != nil && c.Before == nil:
			text = id + " was made"
		case live != nil:
			if fields := rollout.Drift(live, c.Before); len(fields) > 0 {
				text = id + " differs from before at " + rollout.Places(fields)
			}
		}
		if text != "" {
			said, ids = append(said, text), append(ids, id)
		}
	}
	return said, slices.Clip(ids), nil
}
