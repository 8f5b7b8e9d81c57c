package ledger

import (
	"fmt"
	"strings"

	"github.com/teei/slipway/internal/platform"
)

// MovingError says that a move to a ledger was begun and has not ended.
type MovingError struct{ Environment, Ledger, Former string }

func (e *MovingError) Error() string {
	return fmt.Sprintf("the records of %s are not all in %s: they are being moved there from %s", e.Environment, e.Ledger, e.Former)
}

// Usage marks that nothing was begun.
func (e *MovingError) Usage() bool { return true }

// Hint says what to do about it.
func (e *MovingError) Hint() string {
	return "if nobody moves them now, go on: `slipway ledger move --env " + e.Environment + "`"
}

// NoFormerError says that no older version has recorded anything.
type NoFormerError struct{ Environment, Former string }

func (e *NoFormerError) Error() string {
	return fmt.Sprintf("there is nothing to move: the cluster has no records of %s in namespace %s", e.Environment, e.Former)
}

// Usage marks that nothing was begun.
func (e *NoFormerError) Usage() bool { return true }

// MixedError says that a former ledger holds records of another platform.
type MixedError struct {
	Former string
	Ours   platform.Owner
	Other  Other

	none, both bool
}

func (e *MixedError) Error() string {
	what := fmt.Sprintf("%s #%d of %s is of namespace %s, and %s releases to %s", e.Other.Record.Environment, e.Other.Record.Number, e.Former,
		strings.Join(e.Other.Namespaces, " and "), e.Ours, e.Ours.Namespace)
	if e.both {
		what += ": one release of two platforms cannot be moved"
	}
	return what
}

// Usage marks that nothing was begun.
func (e *MixedError) Usage() bool { return true }

// Hint says what to do about it.
func (e *MixedError) Hint() string {
	switch {
	case e.both:
		return "look at it with kubectl; once you know what it was, delete its record, and repeat this"
	case e.none:
		return "nothing there is of this platform: there is nothing to move, and the first release begins with #1"
	}
	return "to move only those of this platform: `slipway ledger move --env " + e.Ours.Environment + " --only-ours`"
}

// UnfinishedThereError says that a former ledger has a release that ended in the middle.
type UnfinishedThereError struct{ Release, Former string }

func (e *UnfinishedThereError) Error() string {
	return fmt.Sprintf("%s ended in the middle, as %s has it: it is finished before it is moved", e.Release, e.Former)
}

// Usage marks that nothing was begun.
func (e *UnfinishedThereError) Usage() bool { return true }

// Hint says what to do about it.
func (e *UnfinishedThereError) Hint() string {
	return "with the version of slipway that began it: `slipway resume` or `slipway rollback --unfinished`"
}

// BegunError says that a ledger has records of its own, so that numbers would meet.
type BegunError struct{ Ledger, Former string }

func (e *BegunError) Error() string {
	return fmt.Sprintf("%s has releases of its own already, and those of %s have the same numbers", e.Ledger, e.Former)
}

// Usage marks that nothing was begun.
func (e *BegunError) Usage() bool { return true }

// Hint says what to do about it.
func (e *BegunError) Hint() string {
	return "leave the older ones where they are, or delete namespace " + e.Ledger + " if nothing in it counts, and repeat this"
}

// MovedOnError says that something else was shown than what is there.
type MovedOnError struct{ Former string }

func (e *MovedOnError) Error() string {
	return "somebody released to " + e.Former + " meanwhile: it holds other records than those that were shown"
}

// Hint says what to do about it.
func (e *MovedOnError) Hint() string { return "repeat it, and look again" }
