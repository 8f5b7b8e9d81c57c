package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// Way is what a rollback would do, to be shown before anything happens.
type Way struct {
	Environment string
	// To is the release that it goes back to; 0 is before the first one.
	To int
	// Unfinished is the release that ended in the middle and is taken back, 0 for none.
	Unfinished int
	// Continues says that it only ends what had begun.
	Continues bool
	// TakenBack are all releases that are taken back, the newest first.
	TakenBack []int
	Objects   []rollout.UndoPreview
	// Migrations of what is taken back, which stay applied unless the database goes back.
	Migrations []string
	// Uninstalls says that no service of the platform runs afterwards.
	Uninstalls bool
	// Ledger is the namespace that still has the records afterwards.
	Ledger string
}

// Foresee says what Rollback would do. It changes nothing, and refuses what Rollback
// refuses. It is nil where there is nothing to do.
func Foresee(ctx context.Context, o Options, to int) (*Way, error) {
	unfinished, err := o.Ledger.Unfinished(ctx)
	if err != nil {
		return nil, err
	}
	if unfinished == nil && to == Unfinished {
		return nil, nil
	}
	all, err := o.legible(ctx, unfinished)
	if err != nil {
		return nil, err
	}
	way, over, err := o.way(all, unfinished, to)
	if err != nil {
		return nil, err
	}
	changes, err := o.changesOf(ctx, over)
	if err != nil {
		return nil, err
	}
	o.Rollout.Environment, o.Rollout.Owner = o.Ledger.Environment, o.Ledger.Owner()
	if unfinished == nil { // a mixture is to end, whatever stands in the way of some of it
		if err := rollout.Unopposed(ctx, o.Rollout, changes); err != nil {
			return nil, err
		}
	}
	if way.Objects, err = rollout.PreviewUndo(ctx, o.Rollout, changes); err != nil {
		return nil, err
	}
	if way.To == 0 {
		live, err := o.running(ctx)
		if err != nil {
			return nil, err
		}
		for _, u := range way.Objects {
			if u.Action == rollout.Delete && u.Service != "" {
				delete(live, u.Service)
			}
		}
		way.Uninstalls = len(live) == 0
	}
	return way, nil
}

// legible are the records, newest first. A damaged one may be one of those to take
// back, and only where a release ended in the middle is something known without it.
func (o *Options) legible(ctx context.Context, unfinished *ledger.Record) ([]*ledger.Record, error) {
	all, err := o.Ledger.Releases(ctx)
	if unfinished != nil && errors.As(err, new(*ledger.DamagedError)) {
		return all, nil
	}
	return all, err
}

// way is what a rollback takes back, among records given newest first, and which
// releases these are.
func (o *Options) way(all []*ledger.Record, unfinished *ledger.Record, to int) (*Way, []*ledger.Record, error) {
	way := &Way{Environment: o.Ledger.Environment, Ledger: o.Ledger.Namespace}
	var over []*ledger.Record
	var err error
	if unfinished != nil {
		way.Unfinished = unfinished.Number
		over = append(over, unfinished)
		if to != Unfinished {
			if to, err = o.aimed(all, unfinished, to); err != nil {
				return nil, nil, err
			}
		}
	}
	switch {
	case to != Unfinished:
		after, number, err := o.after(all, to)
		if err != nil {
			return nil, nil, err
		}
		way.To, over = number, append(over, after...)
	case unfinished.RollbackTo != nil && begun(unfinished): // else it is only closed
		way.To, way.Continues = *unfinished.RollbackTo, true
	default:
		way.To, _ = newest(all)
		way.Continues = true
	}
	for _, r := range over {
		way.TakenBack = append(way.TakenBack, r.Number)
	}
	for _, r := range slices.Backward(over) {
		way.Migrations = append(way.Migrations, r.Migrations...)
	}
	return way, over, nil
}

// asAgreed refuses a rollback that is another one by now than the one that was
// shown and agreed to.
func (o *Options) asAgreed(ctx context.Context, unfinished *ledger.Record, to int) error {
	if o.Agreed == nil {
		return nil
	}
	all, err := o.legible(ctx, unfinished)
	if err != nil {
		return err
	}
	now, _, err := o.way(all, unfinished, to)
	if err != nil {
		return err
	}
	if now.To != o.Agreed.To || now.Continues != o.Agreed.Continues || !slices.Equal(now.TakenBack, o.Agreed.TakenBack) {
		return &OtherWayError{Environment: o.Ledger.Environment}
	}
	return nil
}

// OtherWayError says that something was released or rolled back between the
// question and the answer.
type OtherWayError struct{ Environment, doing string }

func (e *OtherWayError) Error() string {
	return fmt.Sprintf("%s %s: another run released or rolled back since this one showed what it would do", cmp.Or(e.doing, "roll back"), e.Environment)
}

// Usage marks that nothing was begun.
func (e *OtherWayError) Usage() bool { return true }

// Hint says what to do about it.
func (e *OtherWayError) Hint() string {
	return "nothing was changed; look with `slipway releases --env " + e.Environment + "`, and begin anew"
}
