package database

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// MigratorName is for the environment of a migrate command: libpq, node-postgres,
// postgres.js, psycopg and pgx name their sessions by it. A server that works at
// a statement does not notice that its client was killed, and goes on; by its
// name the next migration finds that session and ends it.
const MigratorName = "PGAPPNAME=" + migratorSession

const migratorSession = "slipway migrator"

// endMigrators ends the sessions of migrate commands, which only one that died
// can have left: the lock is ours. A session that ends takes back what it had not
// committed.
func endMigrators(ctx context.Context, conn *pgx.Conn, say func(string)) error {
	const left = ` FROM pg_stat_activity WHERE datname = current_database() AND application_name = '` + migratorSession + `'`
	ended, err := collect(ctx, conn, pgx.RowTo[bool], `SELECT pg_terminate_backend(pid)`+left)
	if err != nil || len(ended) == 0 {
		return err
	}
	say("ending " + plural(len(ended), "session") + " of a migration that was killed")
	for range 300 {
		var there bool
		if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1`+left+`)`).Scan(&there); err != nil || !there {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond): // a server does not tell when a session is gone
		}
	}
	return nil // what it still holds is found when the schema is read
}
