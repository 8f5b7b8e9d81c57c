package database

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func begin(t *testing.T, url string) pgx.Tx {
	t.Helper()
	tx, err := open(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// fenced runs a transaction of its own that writes a row.
func fenced(t *testing.T, url string, number int64) error {
	t.Helper()
	tx := begin(t, url)
	defer tx.Rollback(t.Context())
	if err := Fence(t.Context(), tx, number); err != nil {
		return err
	}
	if _, err := tx.Exec(t.Context(), `INSERT INTO work VALUES ($1)`, number); err != nil {
		t.Fatal(err)
	}
	return tx.Commit(t.Context())
}

func TestFenceLetsOnlyTheLatestRunWrite(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, `CREATE TABLE work (run bigint)`)
	for _, tt := range []struct {
		number int64
		fenced bool
	}{{4, false}, {4, false}, {5, false}, {4, true}, {5, false}, {7, false}, {5, true}} {
		err := fenced(t, url, tt.number)
		var found *FencedError
		if errors.As(err, &found) != tt.fenced || tt.fenced == (err == nil) {
			t.Errorf("run %d: %v", tt.number, err)
		}
	}
	if rows := ask[int](t, url, `SELECT count(*)::int FROM work`); rows != 5 {
		t.Errorf("%d rows, want 5", rows)
	}
	err := fenced(t, url, 1)
	wantError(t, err, Refused, "run 7 works on it, and this is run 1")
}

// A run that checked and was paused blocks a later one until its transaction
// ends, so the two never overlap.
func TestFenceHoldsForTheWholeTransaction(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, `CREATE TABLE work (run bigint)`)
	if err := fenced(t, url, 1); err != nil {
		t.Fatal(err)
	}
	paused := begin(t, url)
	if err := Fence(t.Context(), paused, 1); err != nil {
		t.Fatal(err)
	}
	taker := begin(t, url)
	if _, err := taker.Exec(t.Context(), `SET LOCAL lock_timeout = '300ms'`); err != nil {
		t.Fatal(err)
	}
	wantError(t, Fence(t.Context(), taker, 2), Held)
	if err := paused.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := fenced(t, url, 2); err != nil {
		t.Error(err)
	}
}

// The other way round: the taker is in the middle, and the paused run waits for
// it and is then refused.
func TestFenceRefusesWhoWaitedForATaker(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, `CREATE TABLE work (run bigint)`)
	if err := fenced(t, url, 1); err != nil {
		t.Fatal(err)
	}
	taker := begin(t, url)
	if err := Fence(t.Context(), taker, 2); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- fenced(t, url, 1) }()
	for waiting := 0; waiting == 0; time.Sleep(10 * time.Millisecond) {
		waiting = ask[int](t, url, `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
		if t.Context().Err() != nil {
			t.Fatal("the earlier run does not wait")
		}
	}
	if err := taker.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; !errors.As(err, new(*FencedError)) {
		t.Errorf("%v", err)
	}
}

func TestFirstFenceOfManyAtOnce(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, `CREATE TABLE work (run bigint)`)
	errs := make([]error, 6)
	var work sync.WaitGroup
	for i := range errs {
		work.Go(func() { errs[i] = fenced(t, url, 9) })
	}
	work.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

// A table of that name which somebody else made is not written to.
func TestFenceOfSomebodyElse(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, `CREATE TABLE work (run bigint); CREATE SCHEMA slipway; CREATE TABLE slipway.fence (only_row boolean PRIMARY KEY DEFAULT true, number bigint, height int); INSERT INTO slipway.fence VALUES (true, 3, 180)`)
	wantError(t, fenced(t, url, 9), Refused, "there is a table slipway.fence that slipway did not make")
	if n := ask[int](t, url, `SELECT number::int FROM slipway.fence`); n != 3 {
		t.Errorf("it was written to: %d", n)
	}
}
