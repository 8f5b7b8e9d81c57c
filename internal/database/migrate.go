package database

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// MigrateOptions says what to migrate and how.
type MigrateOptions struct {
	URL     string // postgres:// address; never shown
	Dir     string // folder of the migrations
	Journal string // table that records what was applied. Default: DefaultJournal
	Holder  string // who takes the lock, shown to others who want it. Default: slipway migrate
	Fence   int64  // number of the run that migrates, see Fence; 0: the fence is left alone

	// Patience is how long sessions that still hold locks after the command has
	// ended are waited for. Default: 30s.
	Patience time.Duration

	// Check is asked, under the lock, about what is pending; an error of it stops
	// the migration before anything is applied. Default: all is allowed.
	Check func(ctx context.Context, pending []MigrationFile) error

	// Run runs the platform's own migrate command and returns the end of what it
	// said. It is not called where nothing is pending. The command's environment
	// should have MigratorName.
	Run func(ctx context.Context) (output string, err error)

	Progress func(message string) // told what is going on, now and then
}

// Migrated is what a migration did.
type Migrated struct {
	Plan     Plan     // what was pending before
	Before   string   // newest migration applied before, "" for none
	After    string   // and afterwards
	Applied  []string // migrations that are now in the journal and were not before
	Changes  []string // objects added (+), removed (-) or changed (~)
	AsBefore bool     // schema and journal are exactly what they were
	Output   string   // what the command said
	Seconds  float64
}

// Migrate runs the platform's migrate command under a lock, one at a time on a
// database. If it fails, the schema is read again to tell whether the database
// is as it was before; if it succeeds, nothing may be pending any more.
func Migrate(ctx context.Context, o MigrateOptions) (m Migrated, err error) {
	began := time.Now()
	defer func() { m.Seconds = time.Since(began).Seconds() }()
	m.AsBefore = true // nothing ran yet
	a, err := ParseURL(o.URL)
	if err != nil {
		return m, err
	}
	o.fillDefaults()
	doing := "migrate " + a.String()
	files, err := ReadMigrations(o.Dir)
	if err != nil {
		return m, err
	}
	// A run that was taken over may be on its way out.
	l, err := takeLock(ctx, a, o.Holder, o.Fence != 0)
	if err != nil {
		return m, err
	}
	defer l.release()
	if err := endMigrators(ctx, l.conn, o.Progress); err != nil {
		return m, explain(ctx, doing, err)
	}
	applied, err := readJournal(ctx, l.conn, o.Journal)
	if err != nil {
		return m, explain(ctx, doing, err)
	}
	m.Plan, m.Before = plan(files, applied), newest(files, applied)
	m.After = m.Before
	if err := m.Plan.driftError(doing); err != nil {
		return m, err
	}
	if len(m.Plan.Pending) == 0 {
		return m, nil
	}
	if err := o.admit(ctx, l, m.Plan.Pending); err != nil {
		return m, err
	}
	err = o.apply(ctx, &m, a, l, files, applied)
	return m, err
}

func (o *MigrateOptions) fillDefaults() {
	o.Holder = cmp.Or(o.Holder, "slipway migrate")
	o.Patience = cmp.Or(o.Patience, 30*time.Second)
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
}

// apply runs the command, and tells from the schema before and afterwards what
// came of it.
func (o MigrateOptions) apply(ctx context.Context, m *Migrated, a Address, l *lock, files []MigrationFile, applied []record) error {
	doing := "migrate " + a.String()
	before, err := fingerprint(ctx, a, l.conn)
	if err != nil {
		return err
	}
	o.Progress("applying " + names(m.Plan.Pending))
	output, failed := o.Run(ctx)
	m.Output = output
	after, nowApplied, err := settle(ctx, a, o.Journal, o.Patience)
	if err != nil {
		m.AsBefore = false
		if failed == nil {
			return err
		}
		return o.failure(ctx, doing, failed, "whether the schema is as before is not known: "+err.Error())
	}
	m.compare(o.Journal, files, before, after, applied, nowApplied)
	m.After = newest(files, nowApplied)
	switch {
	case failed != nil:
		return o.failure(ctx, doing, failed, m.state())
	case l.lost(ctx):
		return failf(Migration, doing, "look at what else migrated this database just now", "the connection that held the lock was lost meanwhile")
	}
	if left := plan(files, nowApplied); len(left.Pending) > 0 {
		return failf(Migration, doing, "check that the command migrates this database from this folder, and the journal table in slipway.yaml", "the command succeeded, but %s still pending: %s", plural(len(left.Pending), "migration"), names(left.Pending))
	}
	return nil
}

// admit asks whether this is what was approved, and marks the database as this
// run's: an earlier one that was only paused finds that out.
func (o MigrateOptions) admit(ctx context.Context, l *lock, pending []MigrationFile) error {
	if o.Check != nil {
		if err := o.Check(ctx, pending); err != nil {
			return err
		}
	}
	if o.Fence == 0 {
		return nil
	}
	return pgx.BeginFunc(ctx, l.conn, func(tx pgx.Tx) error { return Fence(ctx, tx, o.Fence) })
}

// Unknown tells that a migration failed and that what it left is not known.
func (m Migrated) Unknown() bool {
	return !m.AsBefore && len(m.Changes) == 0 && len(m.Applied) == 0
}

// newest is the name of the latest migration of the folder that was applied.
func newest(files []MigrationFile, applied []record) (name string) {
	for _, f := range files {
		if slices.Contains(applied, record{f.Hash, f.When}) {
			name = f.Name
		}
	}
	return name
}

func (m *Migrated) compare(journal string, files []MigrationFile, before, after Schema, applied, nowApplied []record) {
	m.Changes = before.changesBeside(after, journal)
	m.AsBefore = len(m.Changes) == 0 && slices.Equal(applied, nowApplied)
	for _, f := range files {
		r := record{f.Hash, f.When}
		if slices.Contains(nowApplied, r) && !slices.Contains(applied, r) {
			m.Applied = append(m.Applied, f.Name)
		}
	}
}

// state of the database after a failure, for a sentence.
func (m *Migrated) state() string {
	if m.AsBefore {
		return "the schema is as before"
	}
	said := []string{"the schema is NOT as before"}
	if len(m.Applied) > 0 {
		said = append(said, "applied: "+some(m.Applied))
	}
	if len(m.Changes) > 0 {
		said = append(said, "changed: "+some(m.Changes))
	}
	return strings.Join(said, ", ")
}

func (o MigrateOptions) failure(ctx context.Context, doing string, failed error, state string) error {
	if failed == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w; %s", doing, context.Cause(ctx), state)
	}
	return failf(Migration, doing, "what the command said is shown above", "%w; %s", failed, state)
}
