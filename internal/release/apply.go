package release

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
)

// Approved is a plan with its evidence, and the digest that was approved.
type Approved struct {
	Plan     *plan.Plan
	Evidence *plan.Evidence
	Digest   string
}

// Apply makes the release of an approved plan, and only that one: the plan is
// made again under the lock, and whatever differs from it is refused by name,
// with a *plan.RefusedError. A plan of nothing releases nothing; then the
// outcome is nil.
func Apply(ctx context.Context, a Approved, again Planning, o Options) (*Outcome, error) {
	if err := plan.Approved(a.Plan, a.Evidence, a.Digest, time.Now()); err != nil {
		return nil, err
	}
	if a.Plan.Environment != o.Ledger.Environment {
		return nil, &plan.RefusedError{Plan: a.Evidence.Plan, Reasons: []string{
			fmt.Sprintf("it is for %s, and this is %s", a.Plan.Environment, o.Ledger.Environment)}}
	}
	same := func(ctx context.Context) error {
		now, err := Plan(ctx, again)
		if err != nil {
			return err
		}
		return plan.Same(a.Plan, now)
	}
	// Before the lock as well: a plan that is refused should disturb nobody.
	if err := same(ctx); err != nil || a.Plan.Empty() {
		return nil, err
	}
	if len(a.Plan.Migrations) > 0 && (o.Migrator == nil || a.Plan.Migrator == "") {
		return nil, &MigrationsError{Names: a.Plan.Migrations}
	}
	if !a.Plan.Restore {
		o.OnFailure = nil
	} else if o.OnFailure == nil && len(a.Plan.Migrations) > 0 {
		return nil, &BackupAwayError{
			What:   "apply plan " + a.Evidence.Plan[:min(12, len(a.Evidence.Plan))],
			Advice: "make the plan with --report of the run that took the backup, and bring that run's folder here; or set database.onFailure to keep",
		}
	}
	o.Check, o.Migrations, o.partial = same, a.Plan.Migrations, len(a.Plan.Only) > 0
	o.Record.Migrator = a.Plan.Migrator
	o.Record.Evidence = append(evidence(a.Evidence), o.Record.Evidence...) // behind it what was learnt since
	o.Record.Plan, o.Record.Approval = a.Evidence.Plan, a.Digest
	o.Record.Before = a.Plan.Before()
	o.Record.Source, o.Record.PlatformFile, o.Record.From = a.Plan.Source, a.Plan.PlatformFile, a.Plan.From
	return Run(ctx, o)
}

// Promoted returns the images that a release tested, to be released elsewhere
// as they are. It must have ended well.
func Promoted(r *ledger.Record) (map[string]string, error) {
	if r.State != ledger.Released || r.RollbackTo != nil {
		return nil, &NotTestedError{Release: fmt.Sprintf("%s #%d", r.Environment, r.Number), State: r.State, RollbackTo: r.RollbackTo}
	}
	if r.Accepted != nil {
		return nil, &AcceptedError{Release: fmt.Sprintf("%s #%d", r.Environment, r.Number), By: r.Accepted.By.Name()}
	}
	images := maps.Clone(r.Images)
	if r.Migrator != "" {
		images[plan.MigratorImage] = r.Migrator
	}
	return images, nil
}

func evidence(e *plan.Evidence) (out []ledger.Evidence) {
	for _, i := range e.Items {
		out = append(out, Learnt(i))
	}
	return out
}

// Learnt is a piece of evidence as the ledger keeps it.
func Learnt(i plan.Item) ledger.Evidence {
	return ledger.Evidence{Kind: i.Kind, Name: i.Name, SHA256: i.SHA256, At: i.At, Passed: i.Passed, File: i.File}
}

// BackupAwayError says that a release would go back to a backup which is not here.
type BackupAwayError struct{ What, Advice string }

func (e *BackupAwayError) Error() string {
	return e.What + ": its plan says that it restores the backup of its evidence if it fails, and that file is not on this machine"
}

// Usage marks that nothing was begun.
func (e *BackupAwayError) Usage() bool { return true }

// Hint says what to do about it.
func (e *BackupAwayError) Hint() string { return e.Advice }

// NotTestedError says that a release did not end well enough to be promoted.
type NotTestedError struct {
	Release    string
	State      ledger.State
	RollbackTo *int // of a rollback
}

func (e *NotTestedError) Error() string {
	if to := e.RollbackTo; to != nil && *to > 0 && e.State == ledger.Released {
		return fmt.Sprintf("promote %s: it is a rollback to #%d; promote that one", e.Release, *to)
	}
	return fmt.Sprintf("promote %s: it is %s, only what was released and stayed so can be promoted", e.Release, e.State)
}

// Usage marks that nothing was begun.
func (e *NotTestedError) Usage() bool { return true }

// Hint says what to do about it.
func (e *NotTestedError) Hint() string { return "`slipway releases` lists what was released there" }

// AcceptedError says that a release is what somebody accepted as it was found, and so
// was never tried out as a whole.
type AcceptedError struct{ Release, By string }

func (e *AcceptedError) Error() string {
	return fmt.Sprintf("promote %s: %s accepted it as it was found, it did not end by itself", e.Release, e.By)
}

// Usage marks that nothing was begun.
func (e *AcceptedError) Usage() bool { return true }

// Hint says what to do about it.
func (e *AcceptedError) Hint() string { return "release it there once more, and promote that release" }
