package database

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// FencedError says that a later run works on a database.
type FencedError struct{ Ours, Found int64 }

func (e *FencedError) Error() string {
	return fmt.Sprintf("run %d works on it, and this is run %d", e.Found, e.Ours)
}

// fenceTable has one row: the number of the run that laid hands on the database last.
const fenceTable = `
CREATE SCHEMA IF NOT EXISTS slipway;
CREATE TABLE IF NOT EXISTS slipway.fence (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  number   bigint NOT NULL,
  since    timestamptz NOT NULL DEFAULT now()
)`

// Fence makes the rest of the transaction be that of the run with this number,
// and fails with a *FencedError where a later one has been here. The row stays
// locked until the transaction ends: a later run waits for it, and an earlier
// one that was only paused finds out before it commits anything.
func Fence(ctx context.Context, tx pgx.Tx, number int64) error {
	doing := "check the fence of the database"
	var there bool
	if err := tx.QueryRow(ctx, `SELECT to_regclass('slipway.fence') IS NOT NULL`).Scan(&there); err != nil {
		return explain(ctx, doing, err)
	}
	if !there {
		// Two that create the same at once would fail on the catalog's own indexes.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, fenceLock); err != nil {
			return explain(ctx, doing, err)
		}
		if _, err := tx.Exec(ctx, fenceTable, pgx.QueryExecModeSimpleProtocol); err != nil {
			return explain(ctx, doing, err)
		}
	}
	var found int64
	err := tx.QueryRow(ctx, `
INSERT INTO slipway.fence AS f (number) VALUES ($1)
ON CONFLICT (only_row) DO UPDATE SET number = excluded.number, since = now() WHERE f.number <= excluded.number
RETURNING number`, number).Scan(&found)
	if !errors.Is(err, pgx.ErrNoRows) {
		return explain(ctx, doing, err)
	}
	if err := tx.QueryRow(ctx, `SELECT number FROM slipway.fence`).Scan(&found); err != nil {
		return explain(ctx, doing, err)
	}
	return fail(Refused, doing, &FencedError{Ours: number, Found: found}, "this run changes nothing more; `slipway releases` shows what became of it. If the cluster with the ledger was made anew, its runs count from 1 again: DELETE FROM slipway.fence")
}

// fenceLock is the key of an advisory lock, next to migrationLock.
const fenceLock = migrationLock + 1
