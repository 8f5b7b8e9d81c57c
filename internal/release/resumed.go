package release

import (
	"fmt"

	"github.com/teei/slipway/internal/ledger"
)

// NotResumedError says that a release could not go on, and was taken back instead.
type NotResumedError struct{ Release, Why, Advice string }

func (e *NotResumedError) Error() string { return "resume " + e.Release + ": " + e.Why }

// Hint says what to do about it.
func (e *NotResumedError) Hint() string { return e.Advice }

// notResumed says why a release could only be taken back.
func notResumed(l *ledger.Ledger, r *ledger.Record) error {
	e := &NotResumedError{Release: l.Name(r.Number), Advice: fmt.Sprintf("make a new plan with `slipway plan --env %s`, and release that", l.Environment)}
	switch {
	case r.RollbackTo != nil:
		e.Why = "it had not noted yet what it rolls back, so it is closed and nothing was changed"
		e.Advice = fmt.Sprintf("roll back anew: `slipway rollback --env %s --to %d`", l.Environment, *r.RollbackTo)
	case stepOf(r, databaseStep) != nil:
		e.Why = "its database had begun to go back, so all of it was rolled back"
	default:
		e.Why = "it had not noted yet what it releases, so it is closed and nothing was changed"
	}
	return e
}
