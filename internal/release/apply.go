package release

import (
	"context"
	"fmt"
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
	if len(a.Plan.Migrations) > 0 {
		return nil, &MigrationsError{Names: a.Plan.Migrations}
	}
	o.Check = same
	o.Record.Plan, o.Record.Approval = a.Evidence.Plan, a.Digest
	o.Record.Source, o.Record.PlatformFile, o.Record.From = a.Plan.Source, a.Plan.PlatformFile, a.Plan.From
	return Run(ctx, o)
}

// Promoted returns the images that a release tested, to be released elsewhere
// as they are. It must have ended well.
func Promoted(r *ledger.Record) (map[string]string, error) {
	if r.State != ledger.Released || r.RollbackTo != nil {
		return nil, &NotTestedError{Release: fmt.Sprintf("%s #%d", r.Environment, r.Number), State: r.State}
	}
	return r.Images, nil
}

// NotTestedError says that a release did not end well enough to be promoted.
type NotTestedError struct {
	Release string
	State   ledger.State
}

func (e *NotTestedError) Error() string {
	return fmt.Sprintf("promote %s: it is %s, only what was released and stayed so can be promoted", e.Release, e.State)
}

// Usage marks that nothing was begun.
func (e *NotTestedError) Usage() bool { return true }

// Hint says what to do about it.
func (e *NotTestedError) Hint() string { return "`slipway releases` lists what was released there" }

// MigrationsError says that a plan has migrations, which nobody here can run.
type MigrationsError struct{ Names []plan.Migration }

func (e *MigrationsError) Error() string {
	return fmt.Sprintf("apply the plan: %d migrations are pending, from %s on", len(e.Names), e.Names[0].Name)
}

// Usage marks that nothing was begun.
func (e *MigrationsError) Usage() bool { return true }

// Hint says what to do about it.
func (e *MigrationsError) Hint() string { return "run `ci migrate` first, then make a new plan" }
