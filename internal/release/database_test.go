package release

import (
	"context"
	"errors"
	"testing"

	"github.com/teei/slipway/internal/ledger"
)

// broken is a database that cannot be restored, and counts how often that was tried.
type broken struct{ tried int }

func (b *broken) Loss(context.Context) (string, error) { return "an estimate: 3 rows", nil }

func (b *broken) Untouched(context.Context, int64) (bool, error) { return false, nil }

func (b *broken) Back(context.Context, string, int64, func(context.Context) error) (string, error) {
	b.tried++
	return "", errors.New("the backup is damaged")
}

// TestRollbackWhoseDatabaseFails: of a whole release nothing is touched, and the
// rollback is over; a release that ended in the middle stays open, and can still
// be taken back without the database.
func TestRollbackWhoseDatabaseFails(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first, blue := d.planning(), d.planning("$colour", "blue")
	d.released(d.approve(d.plan(first)), first)
	d.released(d.approve(d.plan(blue)), blue)
	database := &broken{}
	options := Options{Ledger: d.ledger, Rollout: blue.Rollout, Database: database}
	outcome, err := Rollback(t.Context(), options, Previous)
	if err == nil || outcome.State != ledger.Failed || database.tried != 1 {
		t.Fatalf("%+v, %v, tried %d times", outcome, err, database.tried)
	}
	if !d.plan(blue).Empty() {
		t.Errorf("services went back without their database: %q", changes(d.plan(blue)))
	}

	// One that died right after it said what it is about to do.
	lock, err := d.ledger.Acquire(t.Context(), ledger.Holder{Person: "tom"}, ledger.DefaultLease)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := d.ledger.Add(t.Context(), ledger.Record{Fence: lock.Fence})
	if err == nil {
		err = entry.Begin(t.Context(), "web", nil)
	}
	if err = errors.Join(err, lock.Release(t.Context())); err != nil {
		t.Fatal(err)
	}
	if outcome, err = Rollback(t.Context(), options, Previous); err == nil || outcome.State != ledger.Running {
		t.Errorf("%+v, %v", outcome, err)
	}
	if left, err := d.ledger.Unfinished(t.Context()); err != nil || left == nil || left.Number != entry.Record.Number {
		t.Errorf("the ledger lost sight of it: %+v, %v", left, err)
	}
	// It failed and so changed nothing: the services may go back without it.
	options.Database = nil
	if outcome, err = Rollback(t.Context(), options, Previous); err != nil || outcome.State != ledger.Failed {
		t.Errorf("%+v, %v", outcome, err)
	}
}

// TestRollbackWaitsForItsDatabase: of a rollback that died while it restored the
// database it is not known which one is there, so nothing goes on without it.
func TestRollbackWaitsForItsDatabase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.planning()
	d.released(d.approve(d.plan(first)), first)
	lock, err := d.ledger.Acquire(t.Context(), ledger.Holder{Person: "tom"}, ledger.DefaultLease)
	if err != nil {
		t.Fatal(err)
	}
	zero := 0
	entry, err := d.ledger.Add(t.Context(), ledger.Record{Fence: lock.Fence, RollbackTo: &zero})
	for _, step := range []string{rollbackStep, databaseStep} {
		if err == nil {
			err = entry.Begin(t.Context(), step, nil)
		}
	}
	if err = errors.Join(err, lock.Release(t.Context())); err != nil {
		t.Fatal(err)
	}
	options := Options{Ledger: d.ledger, Rollout: first.Rollout}
	var waits *DatabaseWaitsError
	for name, act := range map[string]func() (*Outcome, error){
		"rollback": func() (*Outcome, error) { return Rollback(t.Context(), options, Previous) },
		"resume":   func() (*Outcome, error) { return Resume(t.Context(), options) },
		"release":  func() (*Outcome, error) { return Run(t.Context(), options) },
	} {
		if _, err := act(); !errors.As(err, &waits) {
			t.Errorf("%s: %v", name, err)
		}
	}
	options.Database = &broken{}
	if _, err := Rollback(t.Context(), options, Previous); err == nil || errors.As(err, &waits) {
		t.Errorf("with a database: %v", err)
	}
	if left, err := d.ledger.Unfinished(t.Context()); err != nil || left == nil {
		t.Errorf("the ledger lost sight of it: %v", err)
	}
}
