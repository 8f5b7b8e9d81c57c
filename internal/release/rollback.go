package release

import (
	"context"
	"slices"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// What Rollback can be asked for beside a number.
const (
	Previous   = -1 // the release before the present one
	Unfinished = -2 // only take back a release that ended in the middle, if there is one
)

// rollbackStep holds what a rollback takes back.
const rollbackStep = "rollback"

// Rollback brings the environment back to how release number to left it, by
// taking back all releases after it, newest first; 0 is before the first one.
// Of a release that ended in the middle, Previous means to take that back. With
// Unfinished and no such release, the outcome is nil and nothing is done; with one,
// its database goes back as its plan said, to OnFailure where no Database is given,
// and only if a migration has changed it.
func Rollback(ctx context.Context, o Options, to int) (_ *Outcome, err error) {
	defer func() { err = hide(err, o.Rollout.Redact) }()
	lock, err := o.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer o.giveBack(ctx, lock)
	unfinished, err := o.Ledger.Unfinished(ctx)
	if err != nil {
		return nil, err
	}
	if unfinished == nil && to == Unfinished {
		return nil, nil
	}
	if err := o.asAgreed(ctx, unfinished, to); err != nil {
		return nil, err
	}
	asked := to
	if to, err = o.aim(ctx, unfinished, to); err != nil {
		return nil, err
	}
	if unfinished != nil && to == Unfinished {
		if err := o.hasBackup(unfinished); err != nil {
			return nil, err
		}
		if asked == Unfinished {
			if err := o.asPlanned(ctx, unfinished); err != nil {
				return nil, err
			}
		}
		o.say("%s ended in the middle; what it changed is taken back", o.Ledger.Name(unfinished.Number))
		entry, changes, err := o.take(ctx, lock, unfinished)
		if err != nil {
			return nil, err
		}
		return o.takeBack(ctx, lock, entry, changes)
	}
	// The database goes back once, with the rollback that was asked for.
	services := o
	services.Database = nil
	undone, err := services.recover(ctx, lock)
	if err != nil {
		return nil, err
	}
	outcome, err := o.backTo(ctx, lock, to)
	if outcome == nil {
		err = o.notBegun(undone, err)
	}
	return outcome, err
}

// aim decides what a rollback does, before it does anything: it is Unfinished where
// all is done once the release that ended in the middle is taken back.
func (o *Options) aim(ctx context.Context, unfinished *ledger.Record, to int) (int, error) {
	if unfinished == nil || to == Unfinished {
		return to, nil
	}
	all, err := o.Ledger.Releases(ctx)
	if err != nil && to != Previous {
		return to, err // a damaged record may be one of those to take back
	}
	return o.aimed(all, unfinished, to)
}

// aimed is aim among records, given newest first.
func (o *Options) aimed(all []*ledger.Record, unfinished *ledger.Record, to int) (int, error) {
	back := unfinished.RollbackTo
	switch {
	case back != nil && !begun(unfinished) && (to == Previous || to == *back):
		return *back, nil // it had noted nothing yet: it is closed, and made
	case to == Previous, back != nil && *back == to:
		return Unfinished, nil
	}
	if back != nil && begun(unfinished) { // it takes back what is after it
		all = slices.DeleteFunc(slices.Clone(all), func(r *ledger.Record) bool { return r.Standing() && r.Number > *back })
	} else if at, known := newest(all); known && at == to {
		return Unfinished, nil
	}
	_, _, err := o.after(all, to)
	return to, err
}

// backTo takes back all releases after number to. None is unfinished.
func (o *Options) backTo(ctx context.Context, lock *ledger.Lock, to int) (*Outcome, error) {
	over, to, err := o.releasesAfter(ctx, to)
	if err != nil {
		return nil, err
	}
	oldest := over[len(over)-1]
	if err := o.hasBackup(oldest); err != nil {
		return nil, err
	}
	changes, err := o.changesOf(ctx, over)
	if err != nil {
		return nil, err
	}
	o.Rollout.Owner = o.Ledger.Owner()
	if err := rollout.Unopposed(ctx, o.Rollout, changes); err != nil {
		return nil, err
	}
	o.say("roll back %s to #%d", o.Ledger.Environment, to)
	record := o.Record
	record.RollbackTo, record.Fence = &to, lock.Fence
	past := oldest.Past()
	record.Baseline = &past
	record.Evidence = backups(oldest) // for who goes on with this rollback
	if err := o.noteBack(ctx, &record, changes); err != nil {
		return nil, err
	}
	watching, stop := context.WithCancel(ctx)
	err = o.look(ctx, watching, &record)
	o.Rollout.Lookout = nil // what goes back is watched anew
	stop()
	if err != nil {
		return nil, err
	}
	entry, err := o.add(ctx, lock, record)
	if err != nil {
		return nil, err
	}
	if err := entry.Begin(ctx, rollbackStep, changes); err != nil {
		return nil, err
	}
	return o.takeBack(ctx, lock, entry, changes)
}

// releasesAfter lists the releases to take back, newest first, and resolves Previous.
func (o *Options) releasesAfter(ctx context.Context, to int) ([]*ledger.Record, int, error) {
	all, err := o.Ledger.Releases(ctx)
	if err != nil {
		return nil, 0, err // a damaged record may be one of those to take back
	}
	return o.after(all, to)
}

// after is releasesAfter among records, given newest first.
func (o *Options) after(all []*ledger.Record, to int) ([]*ledger.Record, int, error) {
	standing := standing(all)
	if len(standing) == 0 {
		return nil, 0, &NothingError{Environment: o.Ledger.Environment, Wanted: "roll back"}
	}
	if to == Previous {
		var err error
		if to, err = o.previous(all, standing); err != nil {
			return nil, 0, err
		}
	}
	for i, r := range standing {
		if r.Number == to {
			if i == 0 {
				return nil, 0, &NothingError{Environment: o.Ledger.Environment, Wanted: "roll back"}
			}
			return standing[:i], to, nil
		}
	}
	if to == 0 && knowsFirst(all) {
		return standing, 0, nil
	}
	return nil, 0, &UnknownReleaseError{Release: o.Ledger.Name(to), Known: standing}
}

// previous is the release that a rollback goes back to which names none. It is
// refused where that would go further than anybody can mean: from a release that
// already came back because a later one was taken back, or to nothing.
func (o *Options) previous(all, standing []*ledger.Record) (int, error) {
	back := &AlreadyBackError{Environment: o.Ledger.Environment, Runs: standing[0].Number, Known: knowsFirst(all)}
	if len(standing) > 1 {
		back.Earlier, back.Known = standing[1].Number, true
	}
	for _, r := range all {
		switch {
		case r == standing[0] && len(standing) == 1:
			return 0, &NoEarlierError{Environment: o.Ledger.Environment, Runs: r.Number, Uninstall: knowsFirst(all)}
		case r == standing[0]:
			return standing[1].Number, nil
		case r.RollbackTo != nil && r.State == ledger.Released:
			back.Rollback = r.Number
			return 0, back
		case r.RollbackTo == nil && r.State == ledger.Failed:
			back.Failed = r.Number
			return 0, back
		}
		// A rollback that failed took nothing back.
	}
	return standing[0].Number, nil // which is refused as nothing to do
}

// standing are the releases whose changes are in the environment, the newest first
// as the records are.
func standing(all []*ledger.Record) (out []*ledger.Record) {
	for _, r := range all {
		if r.Standing() {
			out = append(out, r)
		}
	}
	return out
}

// newest is the number of the newest release that stands, 0 for none. It reports
// whether that is known.
func newest(all []*ledger.Record) (int, bool) {
	if runs := standing(all); len(runs) > 0 {
		return runs[0].Number, true
	}
	return 0, knowsFirst(all)
}

// knowsFirst reports whether the ledger knows how all was before the first release:
// as long as it has that one, it has all that were before those that stand,
// whatever became of them.
func knowsFirst(all []*ledger.Record) bool { return len(all) > 0 && all[len(all)-1].Number == 1 }

// changesOf merges the changes of releases, given newest first, so that each
// object goes back to how it was before the oldest of them.
func (o *Options) changesOf(ctx context.Context, releases []*ledger.Record) ([]rollout.Change, error) {
	var merged []rollout.Change
	at := map[string]int{}
	for i := len(releases) - 1; i >= 0; i-- {
		changes, err := o.changes(ctx, releases[i])
		if err != nil {
			return nil, err
		}
		for _, c := range changes {
			id := kube.ID(c.Object)
			if _, ok := at[id]; !ok {
				at[id] = len(merged)
				merged = append(merged, c)
			}
		}
	}
	return merged, nil
}
