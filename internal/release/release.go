// Package release is the one place that knows the order of a release: lock,
// record, roll out, verify, and on failure take back. Whatever dies on the way,
// the next run finds in the ledger what to continue or to take back.
package release

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/rollout"
)

// Options describe one release.
type Options struct {
	Ledger *ledger.Ledger
	// Rollout is what to release; its Journal, Guard, Still, Was, Leave, Verify and Earlier are set here.
	Rollout rollout.Options
	// Record is what is known of the release before it begins: who, source, digests.
	Record ledger.Record
	// Database is what a rollback does with the data; nil leaves it on its schema.
	Database Database
	// Backup is the SHA-256 of the backup that Database is, which then has to be the
	// one that was taken for the release that goes back; "" allows any.
	Backup string
	// Migrations are applied before any service is touched, by Migrator with the
	// image of Record.
	Migrations []plan.Migration
	Migrator   Migrator
	// Agreed is the rollback, or the unfinished release to accept, that somebody was shown
	// and agreed to; another one is refused. nil agrees to any.
	Agreed *Way
	// OnFailure is what a release that fails after its migrations does with the
	// data by itself; nil leaves it on the migrated schema.
	OnFailure Database
	// Verify verifies the platform as a whole for a release, beside how it did before
	// that: once all services are healthy, and after what was taken back. May be nil.
	Verify func(ctx context.Context, r *ledger.Record) error
	// Failing walks the platform's flows and says which fail, before a release of an
	// environment in which a service is not healthy; nil if nobody walks them.
	Failing func(context.Context) []ledger.Condition
	// Check is asked once the lock is held and what was left half done is taken
	// back, before anything else is written; nil allows all.
	Check func(context.Context) error
	// Held is the lock, where another part of this run holds it; nil acquires it.
	Held *ledger.Share
	// Lease is how long the lock lasts when this process dies. Default: ledger.DefaultLease.
	Lease time.Duration
	// Begun is called once a release is in the ledger, with its number; nil for nothing.
	Begun func(number int)
	// Say tells a person what happens beside the rollout.
	Say func(format string, args ...any)

	partial bool // it is of some services alone
	sparing bool // the database goes back only if a migration has changed it
	// noting is what outcomes are recorded in: a run that was cancelled records them
	// too, but where it is soon killed it does not wait for an API server that is away.
	noting context.Context
	noted  func() // ends it
}

// Outcome is what became of a release.
type Outcome struct {
	Number  int             `json:"number"`
	State   ledger.State    `json:"state"`
	Verdict string          `json:"verdict"`
	Rollout *rollout.Result `json:"rollout,omitempty"`
	// Record is how the ledger has it.
	Record *ledger.Record `json:"record,omitempty"`
}

// Word is how it ended, for people.
func (o *Outcome) Word() string {
	if o.Record == nil || o.Record.State != o.State {
		return string(o.State)
	}
	return o.Record.Word()
}

// lastNote is how long after it was cancelled a run may still record an outcome,
// where it is killed after 10 s.
const lastNote = 7 * time.Second

// patience is how long a release waits for an API server that is away.
const patience = 2 * time.Minute

// Run makes a release. What an earlier one left half done is taken back first.
// It fails with a *ledger.HeldError while another one runs.
func Run(ctx context.Context, o Options) (_ *Outcome, err error) {
	defer func() { err = hide(err, o.Rollout.Redact) }()
	lock, err := o.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer o.giveBack(ctx, lock)
	undone, err := o.recover(ctx, lock)
	if err != nil {
		return nil, err
	}
	if undone != nil { // an uninstall that is ended leaves the namespace to others
		if err := o.Ledger.Claim(ctx); err != nil {
			return nil, &UndoneError{Release: o.Ledger.Name(undone.Number), Err: err}
		}
	}
	if o.Check != nil {
		if err := o.Check(ctx); err != nil && undone != nil {
			return nil, &UndoneError{Release: o.Ledger.Name(undone.Number), Err: err}
		} else if err != nil {
			return nil, err
		}
	}
	record := o.Record
	record.Fence, record.Images = lock.Fence, images(o.Rollout.Services)
	record.Outcomes = unreached(o.Rollout.Services)
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	if err := o.look(ctx, watching, &record); err != nil {
		return nil, err
	}
	entry, err := o.add(ctx, lock, record)
	if err != nil {
		return nil, err
	}
	o.say("release %s", o.Ledger.Name(entry.Record.Number))
	if o.Begun != nil {
		o.Begun(entry.Record.Number)
	}
	wanted := intent{
		Objects: o.Rollout.Objects, Services: o.Rollout.Services, Namespace: o.Rollout.Namespace,
		Deadline: o.Rollout.Deadline, Migrations: o.Migrations, Migrator: record.Migrator, Restore: o.OnFailure != nil && len(o.Migrations) > 0,
	}
	if err := entry.Note(ctx, intentStep, wanted); err != nil {
		return nil, err
	}
	if outcome, err := o.migrate(ctx, lock, entry, wanted); err != nil {
		return outcome, err
	}
	outcome, err := o.roll(ctx, lock, entry, nil)
	if err == nil {
		o.tidy(ctx, lock)
	}
	return outcome, err
}

// add begins a record. A run that was overtaken right before it would otherwise
// leave one that looks as if it had died.
func (o *Options) add(ctx context.Context, lock *ledger.Lock, record ledger.Record) (*ledger.Entry, error) {
	entry, err := o.Ledger.Add(ctx, record)
	if err != nil {
		return nil, err
	}
	if err := lock.Confirm(ctx); replaced(err) {
		return nil, errors.Join(err, entry.Close(ctx, ledger.Failed, "another run took over before anything was changed"))
	} else if err != nil {
		return nil, err
	}
	return entry, nil
}

// Resume continues the release that a process left in the middle, to what it
// wanted: its objects are in the ledger, so the repository may have moved on.
func Resume(ctx context.Context, o Options) (_ *Outcome, err error) {
	defer func() { err = hide(err, o.Rollout.Redact) }()
	lock, err := o.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer o.giveBack(ctx, lock)
	record, err := o.Ledger.Unfinished(ctx)
	if err != nil {
		return nil, err
	}
	if record == nil {
		return nil, &NothingError{Environment: o.Ledger.Environment, Wanted: "resume"}
	}
	entry, changes, err := o.take(ctx, lock, record)
	if err != nil {
		return nil, err
	}
	var wanted intent
	if found, err := o.wanted(ctx, record, &wanted); err != nil {
		return nil, err
	} else if !found || record.RollbackTo != nil || stepOf(record, databaseStep) != nil {
		// It had not begun, is a rollback, or its database goes back already: then
		// the way on is the way back, with the backup that it was going back to.
		if stepOf(record, databaseStep) != nil {
			o.Database = o.OnFailure
		}
		outcome, err := o.takeBack(ctx, lock, entry, changes)
		if err == nil && outcome.State == ledger.Failed {
			err = notResumed(o.Ledger, entry.Record)
		}
		return outcome, err
	}
	if !wanted.Restore {
		o.OnFailure = nil
	} else if o.OnFailure == nil {
		return nil, &BackupAwayError{What: "resume " + o.Ledger.Name(record.Number), Advice: "bring it here and name it with --database, or take the release back with `slipway rollback`"}
	}
	o.say("resume %s", o.Ledger.Name(record.Number))
	o.Rollout.Objects, o.Rollout.Services, o.Rollout.Namespace = wanted.Objects, wanted.Services, wanted.Namespace
	if wanted.Deadline > 0 {
		o.Rollout.Deadline = wanted.Deadline
	}
	if outcome, err := o.migrate(ctx, lock, entry, wanted); err != nil {
		return outcome, err
	}
	return o.roll(ctx, lock, entry, changes)
}

// NothingError says that there is nothing to resume or to roll back.
type NothingError struct{ Environment, Wanted string }

func (e *NothingError) Error() string {
	return fmt.Sprintf("%s %s: there is nothing to %s", e.Wanted, e.Environment, e.Wanted)
}

// Usage marks that nothing was begun.
func (e *NothingError) Usage() bool { return true }

// Hint says what to do about it.
func (e *NothingError) Hint() string { return "`slipway releases` lists what was released" }

// roll makes the rollout of a release and records how it ended.
func (o *Options) roll(ctx context.Context, lock *ledger.Lock, entry *ledger.Entry, earlier []rollout.Change) (*Outcome, error) {
	ctx, stop := untilLost(ctx, lock)
	defer stop()
	options := o.guarded(lock, entry.Record)
	options.Journal, options.Earlier = o.journal(entry), earlier
	options.Before = before(entry.Record)
	options.Verify = func(ctx context.Context) error { return o.verify(ctx, entry.Record) }
	// Services that go back have to meet the schema that they know.
	withDatabase := o.OnFailure != nil && len(entry.Record.Migrations) > 0
	options.Leave = withDatabase
	result, err := rollout.Deploy(ctx, options)
	outcome := &Outcome{Number: entry.Record.Number, Rollout: result, Record: entry.Record}
	judge(entry.Record, result)
	if result != nil && result.Failure != nil {
		entry.Record.Logs = result.Failure.Logs
	}
	switch {
	case replaced(err):
		return outcome, err // what happens now is another run's
	case err != nil && replaced(context.Cause(ctx)):
		return outcome, errors.Join(err, context.Cause(ctx))
	case ctx.Err() != nil && errors.As(err, new(*rollout.LeftError)):
		outcome.State, outcome.Verdict = ledger.Running, "it was cancelled in the middle, and there was no time to take everything back"
		return outcome, &CancelledError{Release: o.Ledger.Name(entry.Record.Number), Environment: o.Ledger.Environment, Err: err}
	case err == nil:
		outcome.State, outcome.Verdict = ledger.Released, released(entry.Record, result)
	case withDatabase && o.hurried(ctx):
		return o.restoreLater(entry, outcome, err)
	case withDatabase:
		back, err := o.restore(context.WithoutCancel(ctx), lock, entry, err)
		if back != nil && back.Rollout != nil {
			result.Undone, back.Rollout = back.Rollout.Undone, result // as where the database stays
			result.Judge()
		}
		return back, err
	case clean(result) && !errors.As(err, new(*rollout.LeftError)):
		outcome.State, outcome.Verdict = ledger.Failed, backAsBefore(undoneIDs(result.Undone), result)
		if len(entry.Record.Migrations) > 0 {
			outcome.Verdict = servicesOnly(outcome.Verdict) + "; " + applied(entry.Record.Migrations)
		}
		if len(result.Undone) > 0 {
			said, wrong := o.again(ctx, entry, undoneIDs(result.Undone))
			outcome.Verdict, err = outcome.Verdict+said, errors.Join(err, wrong)
		}
	default:
		outcome.State, outcome.Verdict = ledger.Stuck, "not everything could be taken back"
	}
	return outcome, errors.Join(err, entry.Close(o.noting, outcome.State, outcome.Verdict))
}

// CancelledError says that a release was cancelled and left for another run.
type CancelledError struct {
	Release, Environment string
	Err                  error
}

func (e *CancelledError) Error() string {
	return fmt.Sprintf("%s was cancelled in the middle: %v", e.Release, e.Err)
}

// Unwrap returns the cause.
func (e *CancelledError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *CancelledError) Hint() string {
	return fmt.Sprintf("`slipway rollback --env %s` takes the rest back, `slipway resume --env %s` goes on", e.Environment, e.Environment)
}

// replaced reports whether an error says that another run has taken over.
func replaced(err error) bool {
	return errors.As(err, new(*ledger.TakenError)) || errors.As(err, new(*ledger.FencedError)) || errors.As(err, new(*ledger.LostError))
}

// clean reports whether all that was changed was taken back and verified.
func clean(result *rollout.Result) bool {
	for _, u := range result.Undone {
		if !u.Verified {
			return false
		}
	}
	return true
}

func (o *Options) acquire(ctx context.Context) (*ledger.Lock, error) {
	o.Rollout.Cluster.Patience, o.Rollout.Environment = patience, o.Ledger.Environment
	o.Rollout.Redact = rollout.RedactHeld(ctx, o.Rollout.Cluster, o.Rollout.Namespace, o.Rollout.Redact)
	o.Ledger.Redact = o.Rollout.Redact
	o.noting, o.noted = context.WithoutCancel(ctx), func() {}
	if o.Rollout.Grace > 0 {
		o.noting, o.noted = kube.Outlast(ctx, o.noting, lastNote)
	}
	lock, err := o.lock(ctx)
	if err != nil {
		return nil, err
	}
	// Before anything is written to a namespace that is another's.
	if err := o.Ledger.Claim(ctx); err != nil {
		o.giveBack(ctx, lock)
		return nil, err
	}
	return lock, nil
}

func (o *Options) lock(ctx context.Context) (*ledger.Lock, error) {
	if o.Held != nil {
		return o.Ledger.Join(ctx, *o.Held)
	}
	return o.Ledger.Acquire(ctx, o.Record.By, o.Lease)
}

// giveBack releases the lock also when the run was cancelled. A lock that
// cannot be given back expires.
func (o *Options) giveBack(ctx context.Context, lock *ledger.Lock) {
	o.noted()
	given := 5 * time.Second
	if o.hurried(ctx) {
		given = time.Second
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), given)
	defer stop()
	if err := lock.Release(ctx); err != nil {
		o.say("the lock could not be given back, it expires by itself: %v", err)
	}
}

func (o *Options) guarded(lock *ledger.Lock, record *ledger.Record) rollout.Options {
	options := o.Rollout
	options.Guard, options.Still, options.Was = lock.Guard, lock.Confirm, o.was(record)
	options.Owner = o.Ledger.Owner()
	return options
}

// verify verifies the platform as a whole, if anybody can.
func (o *Options) verify(ctx context.Context, record *ledger.Record) error {
	if o.Verify == nil {
		return nil
	}
	return o.Verify(ctx, record)
}

func (o *Options) say(format string, args ...any) {
	if o.Say != nil {
		o.Say(format, args...)
	}
}

// untilLost is a context that ends when the lock goes to another run.
func untilLost(ctx context.Context, lock *ledger.Lock) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(lock.Lost(), func() { cancel(context.Cause(lock.Lost())) })
	return ctx, func() { stop(); cancel(nil) }
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// runs is a number of services with its verb.
func runs(n int) string {
	if n == 1 {
		return "1 service runs"
	}
	return fmt.Sprintf("%d services run", n)
}

func images(services []rollout.Service) map[string]string {
	out := map[string]string{}
	for _, s := range services {
		if s.Image != "" {
			out[s.Name] = s.Image
		}
	}
	return out
}

// intentStep holds what the release wants, before anything is written.
const intentStep = "intent"

// intent is what a release wants, complete enough to be continued from anywhere.
type intent struct {
	Namespace string            `json:"namespace"`
	Objects   []*kube.Object    `json:"objects"`
	Services  []rollout.Service `json:"services"`
	// Deadline of what has none of its own; older releases have not noted it.
	Deadline time.Duration `json:"deadline,omitempty"`
	// Migrations are applied first, with the image Migrator.
	Migrations []plan.Migration `json:"migrations,omitempty"`
	Migrator   string           `json:"migrator,omitempty"`
	// Restore says that the database goes back to its backup if the release fails.
	Restore bool `json:"restore,omitempty"`
}
