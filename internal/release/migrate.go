package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/rollout"
)

// Migrating is what a migrator is asked to do.
type Migrating struct {
	Ledger  string // namespace of the ledger that has the release
	Release int    // its number
	Fence   int64
	Image   string           // of the migrator
	Wanted  []plan.Migration // what was approved: these, or the last of these
	// Still is asked right before anything is applied, and before the command begins.
	Still func(ctx context.Context) error
}

// Migrator applies the migrations of a release.
type Migrator interface {
	Migrate(ctx context.Context, m Migrating) (database.Migrated, error)
}

// migrateStep applies what the plan has of migrations, before any service is touched.
const migrateStep = "migrate"

// migrate makes that step, if it is not behind us. The outcome is nil if the
// release goes on.
func (o *Options) migrate(ctx context.Context, lock *ledger.Lock, entry *ledger.Entry, wanted intent) (*Outcome, error) {
	if len(wanted.Migrations) == 0 || migrated(entry.Record) {
		return nil, nil
	}
	outcome := &Outcome{Number: entry.Record.Number, Record: entry.Record, State: ledger.Running, Verdict: "its migrations wait"}
	if o.Migrator == nil {
		return outcome, &MigrationsError{Names: wanted.Migrations}
	}
	ctx, stop := untilLost(ctx, lock)
	defer stop()
	if err := lock.Hold(ctx); err != nil {
		return outcome, err
	}
	if err := entry.Begin(ctx, migrateStep, nil); err != nil {
		return outcome, err
	}
	m, err := o.attempt(ctx, Migrating{
		Ledger:  o.Ledger.Namespace,
		Release: entry.Record.Number, Fence: lock.Fence, Image: wanted.Migrator, Wanted: wanted.Migrations, Still: lock.Confirm,
	})
	switch {
	case replaced(err):
		return outcome, err
	case errors.Is(err, errHurry):
		return o.left(outcome, "it was cancelled while it migrated, and there was no time to wait for the end", err)
	}
	noteMigrations(entry.Record, wanted.Migrations, m, err)
	noted := entry.End(o.noting, migrateStep, err)
	if err == nil {
		return nil, noted
	}
	return o.unmigrated(ctx, lock, entry, m, errors.Join(err, noted))
}

// unmigrated ends a release whose migration failed. That the schema is as before
// its last attempt says nothing of an attempt that died before that.
func (o *Options) unmigrated(ctx context.Context, lock *ledger.Lock, entry *ledger.Entry, m database.Migrated, failed error) (*Outcome, error) {
	record := entry.Record
	outcome := &Outcome{Number: record.Number, Record: record, State: ledger.Failed, Verdict: "the migration failed, the schema is as before and no service was touched"}
	again := attempts(record) > 1
	switch {
	case again && errors.As(failed, new(*UnapprovedError)):
		outcome.State, outcome.Verdict = ledger.Running, "its migrations wait"
		return outcome, failed // nothing was begun, and it can still be resumed
	case m.Unknown():
		outcome.State, outcome.Verdict = ledger.Stuck, "the migration failed, what it left of the schema is not known, and no service was touched"
	case m.AsBefore && !again:
	case o.OnFailure != nil && o.hurried(ctx):
		return o.restoreLater(entry, outcome, failed)
	case o.OnFailure != nil:
		back := *o
		back.sparing = m.AsBefore
		return back.restore(context.WithoutCancel(ctx), lock, entry, failed)
	case m.AsBefore && len(record.Migrations) == 0:
		outcome.Verdict = "the migration failed, none is noted as applied, and no service was touched"
	default:
		outcome.Verdict = "the migration failed half-way, no service was touched; " + applied(record.Migrations)
	}
	return outcome, errors.Join(failed, entry.Close(o.noting, outcome.State, outcome.Verdict))
}

// attempts is how often the migration was begun.
func attempts(record *ledger.Record) (n int) {
	for _, s := range record.Steps {
		if s.Name == migrateStep {
			n++
		}
	}
	return n
}

// noteMigrations records what the release has applied. An attempt that died may
// have applied all or the first of them and not said so: what was wanted was
// pending when the release began.
func noteMigrations(record *ledger.Record, wanted []plan.Migration, m database.Migrated, err error) {
	died := false
	for _, s := range record.Steps[:len(record.Steps)-1] {
		died = died || s.Name == migrateStep && s.Ended == nil
	}
	switch {
	case err == nil:
		record.Migrations = namesOf(wanted)
	case m.Plan.Pending != nil: // what is not pending any more was applied by an attempt before
		record.Migrations = append(namesOf(wanted[:max(0, len(wanted)-len(m.Plan.Pending))]), m.Applied...)
	}
	switch {
	case record.Schema != nil:
		record.Schema.After = m.After
	case !died: // otherwise nobody knows what was before it
		record.Schema = &ledger.Schema{Before: m.Before, After: m.After}
	}
}

func namesOf(migrations []plan.Migration) (names []string) {
	for _, m := range migrations {
		names = append(names, m.Name)
	}
	return names
}

// migrated reports whether that step ended well.
func migrated(record *ledger.Record) bool {
	step := stepOf(record, migrateStep)
	return step != nil && step.Ended != nil && step.Error == ""
}

// restore takes a release back together with its database, as its plan said.
func (o *Options) restore(ctx context.Context, lock *ledger.Lock, entry *ledger.Entry, failed error) (*Outcome, error) {
	o.say("the plan says that the database goes back to its backup")
	back := *o
	back.Database = o.OnFailure
	changes, err := o.changes(ctx, entry.Record)
	if err != nil {
		return nil, errors.Join(failed, err)
	}
	outcome, err := back.takeBack(ctx, lock, entry, changes)
	return outcome, errors.Join(failed, err)
}

// schemaStays says what migrations the services that go back will meet, "" for none.
func (o *Options) schemaStays(ctx context.Context, record *ledger.Record) (string, error) {
	names := slices.Clone(record.Migrations)
	if to := record.RollbackTo; to != nil {
		all, err := o.Ledger.Releases(ctx)
		if err != nil {
			return "", err
		}
		for _, r := range slices.Backward(all) {
			if r.Number > *to && r.Number < record.Number {
				if step := stepOf(r, databaseStep); r.RollbackTo != nil && step != nil && step.Ended != nil && step.Error == "" {
					names = nil // that rollback took the database back
				}
				names = append(names, r.Migrations...)
			}
		}
	}
	if step := stepOf(record, migrateStep); step != nil && step.Ended == nil {
		return "its migration ended in the middle, `slipway plan` shows what of it was applied", nil
	}
	if len(names) == 0 {
		return "", nil
	}
	return applied(names), nil
}

func applied(names []string) string {
	if len(names) == 0 {
		return "the schema is not as before, though no migration is noted in it"
	}
	return "the schema stays as migrated: " + strings.Join(names, ", ")
}

// Migrations is a Migrator that runs the platform's own command in a pod of the
// cluster, which can reach the database and has the migrator's image.
type Migrations struct {
	Cluster   *kube.Cluster
	Namespace string
	Platform  *platform.Platform
	URL       string            // address of the database; never shown
	Values    map[string]string // variables of the command
	Holder    ledger.Holder
	Redact    func(string) string
	Say       func(format string, args ...any)
}

// failedLines is how much of what a failed command said is shown.
const failedLines = 20

// Migrate applies what is pending, if it is what was approved.
func (m Migrations) Migrate(ctx context.Context, o Migrating) (database.Migrated, error) {
	d := m.Platform.Database
	if d == nil || o.Image == "" {
		return database.Migrated{AsBefore: true}, &MigrationsError{Names: o.Wanted}
	}
	done, err := database.Migrate(ctx, database.MigrateOptions{
		URL: m.URL, Dir: path.Join(m.Platform.Root, d.Migrations), Journal: d.Journal, Holder: m.Holder.Name(), Fence: o.Fence,
		Progress: func(message string) { m.Say("  %s", message) },
		Check: func(ctx context.Context, pending []database.MigrationFile) error {
			return errors.Join(approved(pending, o.Wanted), o.Still(ctx))
		},
		Run: func(ctx context.Context) (string, error) {
			return m.Cluster.Run(ctx, kube.Task{
				Namespace: m.Namespace, Name: migrateTask(o.Release), Labels: map[string]string{kube.LedgerLabel: o.Ledger}, Image: o.Image, Args: d.Command, Env: named(m.Values), Still: o.Still,
				Said: func(message string) { m.Say("  %s", message) },
			})
		},
	})
	redact := rollout.RedactHeld(ctx, m.Cluster, m.Namespace, m.Redact)
	if done.Output = redact(done.Output); err != nil {
		err = hide(err, redact)
	}
	if err != nil {
		for _, line := range last(done.Output, failedLines) {
			m.Say("    │ %s", line)
		}
		return done, err
	}
	m.Say("✓ %s applied in %.1f s: %s", count(len(done.Applied), "migration"), done.Seconds, strings.Join(done.Applied, ", "))
	return done, nil
}

// named adds the name that the command's sessions go by.
func named(values map[string]string) map[string]string {
	name, value, _ := strings.Cut(database.MigratorName, "=")
	all := map[string]string{name: value}
	maps.Copy(all, values)
	return all
}

func last(text string, n int) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return lines[max(0, len(lines)-n):]
}

// migrateTask is the name of the Job that migrates for a release.
func migrateTask(release int) string { return "slipway-migrate-" + strconv.Itoa(release) }

// endTasks ends what a process that died left running: its migration, a hook of
// each service that it was at, and the commands that verify.
func (o *Options) endTasks(ctx context.Context, lock *ledger.Lock, record *ledger.Record) error {
	ctx, stop := context.WithTimeoutCause(ctx, time.Minute, errors.New("its pod does not end"))
	defer stop()
	task := kube.Task{Namespace: o.Rollout.Namespace, Labels: map[string]string{kube.LedgerLabel: o.Ledger.Namespace}, Still: lock.Confirm}
	for _, step := range record.Steps {
		if step.Ended != nil {
			continue
		}
		tasks := []string{migrateTask(record.Number)}
		if step.Name != migrateStep {
			tasks = rollout.Hooks(step.Name)
		}
		for _, task.Name = range tasks {
			if err := o.Rollout.Cluster.EndTask(ctx, task); err != nil {
				return err
			}
		}
	}
	return o.Rollout.Cluster.EndTasks(ctx, task, verifies(record.Number))
}

// approved refuses migrations that nobody approved. The first of the approved
// ones may be applied already, by an attempt that died.
func approved(pending []database.MigrationFile, wanted []plan.Migration) error {
	rest := wanted[max(0, len(wanted)-len(pending)):]
	for i, p := range pending {
		if i >= len(rest) || rest[i].Name != p.Name || rest[i].SHA256 != p.Hash {
			return &UnapprovedError{Name: p.Name}
		}
	}
	return nil
}

// UnapprovedError names a migration that would be applied and was not approved.
type UnapprovedError struct{ Name string }

func (e *UnapprovedError) Error() string {
	return fmt.Sprintf("migrate: %s is pending here, and is not what was approved", e.Name)
}

// Usage marks that nothing was begun.
func (e *UnapprovedError) Usage() bool { return true }

// Hint says what to do about it.
func (e *UnapprovedError) Hint() string {
	return "check out the commit of the plan, or make a new plan"
}

// MigrationsError says that a release has migrations, and nothing to apply them with.
type MigrationsError struct{ Names []plan.Migration }

func (e *MigrationsError) Error() string {
	return fmt.Sprintf("migrate: %s pending, from %s on, and there is no image to apply them with", count(len(e.Names), "migration"), e.Names[0].Name)
}

// Usage marks that nothing was begun.
func (e *MigrationsError) Usage() bool { return true }

// Hint says what to do about it.
func (e *MigrationsError) Hint() string {
	return "name the workspace's package with the migrator as database.package in slipway.yaml, so that `ci images` makes the image, then make a new plan; or run `ci migrate` first"
}
