package release

import (
	"context"
	"fmt"
	"slices"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
)

// backups are those in the evidence of a release: the one that was planned with,
// and one that was taken since.
func backups(r *ledger.Record) (all []ledger.Evidence) {
	for _, e := range r.Evidence {
		if e.Kind == plan.Backup {
			all = append(all, e)
		}
	}
	return all
}

// RecordedBackup is the newest backup in the evidence of a release: what its data
// were right before it. It is nil where the record names none.
func RecordedBackup(r *ledger.Record) *ledger.Evidence {
	all := backups(r)
	if len(all) == 0 {
		return nil
	}
	newest := slices.MaxFunc(all, func(a, b ledger.Evidence) int { return a.At.Compare(b.At) })
	return &newest
}

// Undone is the oldest release that a rollback would take back: to its backup go
// the data. It is nil where there is nothing to take back.
func Undone(ctx context.Context, o Options, to int) (*ledger.Record, error) {
	unfinished, err := o.Ledger.Unfinished(ctx)
	if err != nil {
		return nil, err
	}
	if to, err = o.aim(ctx, unfinished, to); err != nil || to == Unfinished {
		return unfinished, err
	}
	over, _, err := o.releasesAfter(ctx, to)
	if err != nil {
		return nil, err
	}
	return over[len(over)-1], nil
}

// Planned is the backup that a release which ended in the middle goes back to by
// itself, as its plan said. It is nil where the data stay.
func Planned(ctx context.Context, o Options) (*ledger.Evidence, error) {
	unfinished, err := o.Ledger.Unfinished(ctx)
	if err != nil || unfinished == nil {
		return nil, err
	}
	if goes, err := o.goesBack(ctx, unfinished); err != nil || !goes {
		return nil, err
	}
	return RecordedBackup(unfinished), nil
}

// goesBack reports whether the plan of a release says that its database goes back,
// and its migrations have begun.
func (o *Options) goesBack(ctx context.Context, record *ledger.Record) (bool, error) {
	if stepOf(record, migrateStep) == nil {
		return false, nil
	}
	var wanted intent
	_, err := o.wanted(ctx, record, &wanted)
	return wanted.Restore, err
}

// asPlanned gives a way back that no person asked for the database that the plan
// says, and spares it where its migrations did nothing.
func (o *Options) asPlanned(ctx context.Context, record *ledger.Record) error {
	goes, err := o.goesBack(ctx, record)
	if err != nil || !goes {
		return err
	}
	o.sparing = true
	if o.Database == nil {
		o.Database = o.OnFailure
	}
	if o.Database != nil {
		return nil
	}
	name := o.Ledger.Name(record.Number)
	return &BackupAwayError{What: "take " + name + " back", Advice: "bring it here and name it with --database; " +
		"`slipway rollback` without --unfinished takes the services back and leaves the schema migrated"}
}

// Admit refuses a rollback whose backup is not the one that it wants, before
// anybody is asked whether its loss is accepted.
func Admit(ctx context.Context, o Options, to int) error {
	undone, err := Undone(ctx, o, to)
	if err != nil || undone == nil {
		return err
	}
	return o.hasBackup(undone)
}

// hasBackup refuses to take a release back with the data of another.
func (o *Options) hasBackup(undone *ledger.Record) error {
	if o.Backup == "" {
		return nil
	}
	if slices.ContainsFunc(backups(undone), func(e ledger.Evidence) bool { return e.SHA256 == o.Backup }) {
		return nil
	}
	return &OtherBackupError{Release: o.Ledger.Name(undone.Number), Recorded: RecordedBackup(undone), Given: o.Backup}
}

// OtherBackupError says that a backup is not the one that was taken for the
// release that is taken back.
type OtherBackupError struct {
	Release  string
	Recorded *ledger.Evidence // nil: none is
	Given    string           // SHA-256
}

func (e *OtherBackupError) Error() string {
	text := fmt.Sprintf("take %s back with the backup of SHA-256 %s: ", e.Release, short(e.Given))
	if e.Recorded == nil {
		return text + "its record names none"
	}
	return text + fmt.Sprintf("its record names %s of SHA-256 %s, from %s", e.Recorded.File, short(e.Recorded.SHA256), e.Recorded.At.UTC().Format("2006-01-02 15:04 UTC"))
}

// Usage marks that nothing was begun.
func (e *OtherBackupError) Usage() bool { return true }

// Hint says what to do about it.
func (e *OtherBackupError) Hint() string {
	return "bring the recorded file here, or say --other-backup to go back to another verified backup of the same database"
}

func short(digest string) string { return digest[:min(12, len(digest))] }
