package release

import (
	"fmt"

	"github.com/teei/slipway/internal/ledger"
)

// NoEarlierError says that only one release stands: going back from it would
// delete the platform, which nobody asked for.
type NoEarlierError struct {
	Environment string
	Runs        int  // the release that stands
	Uninstall   bool // the ledger knows how all was before the first release
}

func (e *NoEarlierError) Error() string {
	return fmt.Sprintf("roll back %s: #%d is the only release that stands, and there is no earlier one to go back to", e.Environment, e.Runs)
}

// Usage marks that nothing was begun.
func (e *NoEarlierError) Usage() bool { return true }

// Hint says what to do about it.
func (e *NoEarlierError) Hint() string {
	if !e.Uninstall {
		return "release what should run instead; `slipway releases --env " + e.Environment + "` lists what was released"
	}
	return "release what should run instead; `slipway rollback --env " + e.Environment + " --to 0` uninstalls the platform, and shows first what it deletes"
}

// AlreadyBackError says that the newest release is taken back already, so that
// a rollback would silently go one release further.
type AlreadyBackError struct {
	Environment string
	Failed      int // the release that failed and was rolled back, or
	Rollback    int // the rollback that was made
	Runs        int // the release that the environment runs
	Earlier     int // the one before that; 0 is before the first
	Known       bool
}

func (e *AlreadyBackError) Error() string {
	if e.Rollback > 0 {
		return fmt.Sprintf("roll back %s: #%d rolled it back already, and it runs #%d", e.Environment, e.Rollback, e.Runs)
	}
	return fmt.Sprintf("roll back %s: #%d failed and was rolled back already, and it runs #%d", e.Environment, e.Failed, e.Runs)
}

// Usage marks that nothing was begun.
func (e *AlreadyBackError) Usage() bool { return true }

// Hint says what to do about it.
func (e *AlreadyBackError) Hint() string {
	command := fmt.Sprintf("`slipway rollback --env %s --to %d`", e.Environment, e.Earlier)
	switch {
	case !e.Known:
		return fmt.Sprintf("nothing has to be rolled back; no release before #%d stands", e.Runs)
	case e.Earlier == 0:
		return fmt.Sprintf("nothing has to be rolled back; no release before #%d stands: %s uninstalls the platform, and shows first what it deletes", e.Runs, command)
	}
	return "nothing has to be rolled back; " + command + " goes one release further"
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
	if len(e.Known) < 2 {
		return hint + " none"
	}
	for _, r := range e.Known[1:] {
		hint += fmt.Sprintf(" #%d", r.Number)
	}
	return hint
}
