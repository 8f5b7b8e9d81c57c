package database

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Untouched reports whether no migration has touched a database since a backup of
// it: schema and journal are those of the backup, and all that a restore would
// change are rows that were written since. What a migrator that died left running
// is ended first, and an earlier run that was only paused can migrate no more.
func Untouched(ctx context.Context, o RestoreOptions, journal string) (bool, error) {
	m, err := readManifest(o.Dump)
	if err != nil {
		return false, err
	}
	a, err := ParseURL(o.URL)
	if err != nil {
		return false, err
	}
	doing := "compare the schema of " + a.String() + " with its backup"
	l, err := takeLock(ctx, a, "slipway rollback", true)
	if err != nil {
		return false, err
	}
	defer l.release()
	here, _, err := identify(ctx, l.conn)
	if err != nil {
		return false, explain(ctx, doing, err)
	}
	if err := m.admit(o.Dump, doing, here); err != nil {
		return false, err
	}
	if err := o.fence(ctx, a); err != nil {
		return false, err
	}
	if err := endMigrators(ctx, l.conn, oneAtATime(o.Progress)); err != nil {
		return false, explain(ctx, doing, err)
	}
	schema, _, err := settle(ctx, a, journal, 30*time.Second)
	if err != nil {
		return false, err
	}
	if len(schemaOf(m.Objects).changesBeside(schema, journal, "slipway.fence")) > 0 {
		return false, nil
	}
	same, err := m.sameRows(ctx, l.conn, journal)
	return same, explain(ctx, doing, err)
}

// sameRows reports whether a table has the rows that it had in the backup; one that
// is not there has none.
func (m manifest) sameRows(ctx context.Context, conn *pgx.Conn, table string) (bool, error) {
	var then, now TableCheck
	now.Schema, now.Name = splitTable(table)
	if i := slices.IndexFunc(m.Tables, func(t TableCheck) bool { return t.key() == now.key() }); i >= 0 {
		then = m.Tables[i]
	}
	var there bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, now.key()).Scan(&there); err != nil {
		return false, err
	}
	if there {
		if err := countTable(ctx, conn, &now); err != nil {
			return false, err
		}
	}
	return then.Rows == now.Rows && (now.Rows == 0 || then.Checksum == now.Checksum), nil
}
