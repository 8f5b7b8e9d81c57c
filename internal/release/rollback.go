package release

import (
	"context"
	"fmt"

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
func Rollback(ctx context.Context, o Options, to int) (*Outcome, error) {
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
	// A rollback that had noted nothing yet is closed, and made.
	idle := unfinished != nil && unfinished.RollbackTo != nil && !begun(unfinished)
	if unfinished != nil && (to == Unfinished || to == Previous && !idle) {
		if err := o.hasBackup(unfinished); err != nil {
			return nil, err
		}
		if to == Unfinished {
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
	if err := services.recover(ctx, lock); err != nil {
		return nil, err
	}
	return o.backTo(ctx, lock, to)
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
	o.say("roll back %s to #%d", o.Ledger.Environment, to)
	record := o.Record
	record.RollbackTo, record.Fence = &to, lock.Fence
	past := oldest.Past()
	record.Baseline = &past
	record.Evidence = backups(oldest) // for who goes on with this rollback
	if err := o.noteBack(ctx, &record, changes); err != nil {
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
	var standing []*ledger.Record // those whose changes are in the environment
	for _, r := range all {
		if r.Standing() {
			standing = append(standing, r)
		}
	}
	if len(standing) == 0 {
		return nil, 0, &NothingError{Environment: o.Ledger.Environment, Wanted: "roll back"}
	}
	if to == Previous {
		if to = 0; len(standing) > 1 {
			to = standing[1].Number
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
	// As long as the ledger has its first release, it has all that were before
	// those that stand, whatever became of them.
	if to == 0 && all[len(all)-1].Number == 1 {
		return standing, 0, nil
	}
	return nil, 0, &UnknownReleaseError{Release: o.Ledger.Name(to), Known: standing}
}

// UnknownReleaseError says that the ledger has nothing to go back to.
type UnknownReleaseError struct {
	Release string
	Known   []*ledger.Record
}

func (e *UnknownReleaseError) Error() string {
	return "roll back to " + e.Release + ": the environment was never, or is no longer, at that release"
}

// Usage marks that nothing was begun.
func (e *UnknownReleaseError) Usage() bool { return true }

// Hint says what to do about it.
func (e *UnknownReleaseError) Hint() string {
	hint := "these can be gone back to:"
	for _, r := range e.Known[1:] {
		hint += fmt.Sprintf(" #%d", r.Number)
	}
	if len(e.Known) == 1 {
		hint += " none"
	}
	return hint
}

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
