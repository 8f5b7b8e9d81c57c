package database

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

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
	there, err := fenceThere(ctx, tx, doing)
	if err != nil {
		return err
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
	err = tx.QueryRow(ctx, `
INSERT INTO slipway.fence AS f (number) VALUES ($1)
ON CONFLICT (only_row) DO UPDATE SET number = excluded.number, since = now() WHERE f.number <= excluded.number
RETURNING number`, number).Scan(&found)
	switch {
	case err == nil:
		return mark(ctx, tx, number)
	case !errors.Is(err, pgx.ErrNoRows):
		return explain(ctx, doing, err)
	}
	if err := tx.QueryRow(ctx, `SELECT number FROM slipway.fence`).Scan(&found); err != nil {
		return explain(ctx, doing, err)
	}
	return overtaken(number, found)
}

// fenceThere reports whether there is a fence. A table of its name that is another's
// is not written to.
func fenceThere(ctx context.Context, tx pgx.Tx, doing string) (bool, error) {
	var columns string
	err := tx.QueryRow(ctx, `
SELECT coalesce((SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
  FROM pg_attribute WHERE attrelid = to_regclass('slipway.fence') AND attnum > 0 AND NOT attisdropped), '')`).Scan(&columns)
	switch {
	case err != nil:
		return false, explain(ctx, doing, err)
	case columns == "" || columns == "only_row boolean, number bigint, since timestamp with time zone":
		return columns != "", nil
	}
	return false, failf(Refused, doing, "rename it: slipway notes in a table of that name which run laid hands on the database last", "there is a table slipway.fence that slipway did not make")
}

func overtaken(ours, found int64) error {
	return fail(Refused, "check the fence of the database", &FencedError{Ours: ours, Found: found}, "this run changes nothing more; `slipway releases` shows what became of it. If the cluster with the ledger was made anew, its runs count from 1 again: DELETE FROM slipway.fence, and COMMENT ON DATABASE")
}

// fenceLock is the key of an advisory lock, next to migrationLock.
const fenceLock = migrationLock + 1

// marked is a comment of a database with the number of the run at its end.
var marked = regexp.MustCompile(`^((?s).*?)\s*\(slipway: run ([0-9]+)\)$`)

// mark writes the number into the comment of the database, behind what people
// wrote there: two databases change names in a transaction of a third one, which
// sees no table of theirs. Only the owner may do that, and change names.
func mark(ctx context.Context, tx pgx.Tx, number int64) error {
	doing := "mark the database as that of this run"
	var name string
	var ours bool
	err := tx.QueryRow(ctx, `SELECT datname::text, pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()`).Scan(&name, &ours)
	if err != nil || !ours {
		return explain(ctx, doing, err)
	}
	text, found, err := markOf(ctx, tx, name)
	switch {
	case err != nil:
		return err
	case found > number: // it took the place of the one where the table had that number
		return overtaken(number, found)
	case found == number:
		return nil
	}
	_, err = tx.Exec(ctx, comment(name, text, number))
	return explain(ctx, doing, err)
}

// markOf reads the comment of a database: what people wrote, and the number, 0 for none.
func markOf(ctx context.Context, tx pgx.Tx, name string) (text string, number int64, err error) {
	if err = tx.QueryRow(ctx, `SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = $1`, name).Scan(&text); err != nil {
		return "", 0, explain(ctx, "read the comment of the database "+name, err)
	}
	if m := marked.FindStringSubmatch(text); m != nil {
		text = m[1]
		number, err = strconv.ParseInt(m[2], 10, 64)
	}
	return text, number, err
}

func comment(name, text string, number int64) string {
	if number > 0 {
		if text != "" {
			text += " "
		}
		text += fmt.Sprintf("(slipway: run %d)", number)
	}
	return fmt.Sprintf(`COMMENT ON DATABASE %s IS %s`, quote(name), literal(text))
}
