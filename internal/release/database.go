package release

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/ledger"
)

// Database is what a rollback does with the data, apart from how: today a
// backup is restored, a standby that is always ready can take its place.
type Database interface {
	// Loss says what going back would lose now.
	Loss(ctx context.Context) (string, error)
	// Untouched reports whether no migration has changed the database, so that going
	// back would lose writes and nothing else. A run with a fence before this one
	// migrates no more afterwards.
	Untouched(ctx context.Context, fence int64) (bool, error)
	// Back makes the database what it was. Repeated with the same label, it
	// finishes what was begun. If it fails, the database is as it was found. Right
	// before it changes anything it asks still, and stops if that fails; and the
	// change itself is refused where a later run than fence has been there.
	Back(ctx context.Context, label string, fence int64, still func(context.Context) error) (verdict string, err error)
}

// databaseStep makes the database what it was before the releases that are
// rolled back. It comes first: services that go back are verified against the
// schema that they know.
const databaseStep = "database"

// databaseBack makes that step, and returns what the verdict says of it.
func (o *Options) databaseBack(ctx context.Context, lock *ledger.Lock, entry *ledger.Entry) (string, error) {
	if o.Database == nil {
		// One that failed left the database as it was; one without an end may have replaced it.
		if step := stepOf(entry.Record, databaseStep); step != nil && step.Ended == nil {
			return "", &DatabaseWaitsError{Release: o.Ledger.Name(entry.Record.Number), Environment: o.Ledger.Environment}
		}
		return "", nil
	}
	if err := lock.Hold(ctx); err != nil {
		return "", err
	}
	if o.spares(ctx, entry.Record, lock.Fence) {
		return "no migration had changed the database, so it was not restored", nil
	}
	o.noteLoss(ctx, entry.Record)
	if err := entry.Begin(ctx, databaseStep, nil); err != nil {
		return "", err
	}
	verdict, err := o.Database.Back(ctx, strconv.Itoa(entry.Record.Number), lock.Fence, lock.Hold)
	if noted := entry.End(o.noting, databaseStep, err); err == nil {
		err = noted
	}
	return verdict, err
}

// spares reports whether the database is left as it is, since nobody asked for its
// backup and no migration got as far as to change anything. Where a restore had
// begun, what is there may be its result; where nobody can tell, it goes back.
func (o *Options) spares(ctx context.Context, record *ledger.Record, fence int64) bool {
	if !o.sparing || stepOf(record, databaseStep) != nil {
		return false
	}
	untouched, err := o.Database.Untouched(ctx, fence)
	if err != nil {
		o.say("whether a migration changed the database cannot be told, so it goes back: %v", err)
	}
	return err == nil && untouched
}

// noteLoss says and records what going back loses, before it does. Where that
// cannot be known it goes back all the same: it was decided before.
func (o *Options) noteLoss(ctx context.Context, record *ledger.Record) {
	loss, err := o.Database.Loss(ctx)
	if err != nil {
		loss = "it is not known what: " + err.Error()
	}
	text := "going back to the backup loses writes, " + loss
	o.say("%s", text)
	record.Notes = append(record.Notes, time.Now().UTC().Format(time.RFC3339)+" "+text)
}

// stepOf is the newest step of a name, nil if there is none.
func stepOf(record *ledger.Record, name string) *ledger.Step {
	for i := range slices.Backward(record.Steps) {
		if record.Steps[i].Name == name {
			return &record.Steps[i]
		}
	}
	return nil
}

// DatabaseWaitsError says that a rollback died while it restored the database,
// and that it is not known from which backup to go on.
type DatabaseWaitsError struct{ Release, Environment string }

func (e *DatabaseWaitsError) Error() string {
	return e.Release + " ended while it restored the database"
}

// Usage marks that nothing was begun.
func (e *DatabaseWaitsError) Usage() bool { return true }

// Hint says what to do about it.
func (e *DatabaseWaitsError) Hint() string {
	return "`slipway rollback --env " + e.Environment + " --database FILE` finishes it, with the same backup"
}

// Backup is a Database that goes back to a verified backup.
type Backup struct {
	URL     string // postgres:// address; never shown
	Dump    string // the backup's file, its manifest beside it
	Tools   string // folder of pg_restore. Default: PATH
	Journal string // table that records what was applied. Default: database.DefaultJournal
	Say     func(format string, args ...any)
}

// Loss is an estimate, from the server's statistics.
func (b Backup) Loss(ctx context.Context) (string, error) {
	loss, err := database.EstimateLoss(ctx, b.URL, b.Dump)
	return loss.String(), err
}

// Untouched compares schema and journal with those of the backup.
func (b Backup) Untouched(ctx context.Context, fence int64) (bool, error) {
	return database.Untouched(ctx, database.RestoreOptions{
		URL: b.URL, Dump: b.Dump, Fence: fence, Progress: func(message string) { b.Say("  %s", message) },
	}, b.Journal)
}

// Back restores the backup beside the database, and the two change names.
func (b Backup) Back(ctx context.Context, label string, fence int64, still func(context.Context) error) (string, error) {
	r, err := database.Restore(ctx, database.RestoreOptions{
		URL: b.URL, Dump: b.Dump, Tools: b.Tools, Label: label, Fence: fence, Still: still, Progress: func(message string) { b.Say("  %s", message) },
	})
	if err != nil {
		return "", err
	}
	return "the database is the backup again, " + count(r.Tables, "table") + " compared; the one before is kept as " + r.Kept, nil
}
