package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/teei/slipway/internal/crash"
)

// swap gives the name of one database to another, in one transaction: whoever
// dies in the middle has changed nothing. It returns for how many seconds nobody
// could connect. Where a later run than fence has been at the database, it is
// left as it is, with a *FencedError.
//
// ALTER DATABASE … RENAME locks the database against new connections and then
// waits up to 5 s for the present ones to go (CountOtherDBBackends), so these are
// ended meanwhile, over a second connection.
func swap(ctx context.Context, admin *pgx.Conn, a Address, made, kept, note string, fence int64) (away float64, err error) {
	doing := "put the restored database in the place of " + a.String()
	ender, err := connectBeside(ctx, a)
	if err != nil {
		return 0, err
	}
	defer hangUp(ender)
	crash.Point(ctx, "database restored: compared")
	for try := 1; ; try++ {
		began := time.Now()
		err = rename(ctx, admin, ender, a.Database, made, kept, note, fence)
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "55006" && try < 5 {
			continue // somebody held on for longer than the server waits
		}
		if err != nil {
			return 0, explain(ctx, doing, err)
		}
		crash.Point(ctx, "database restored: swapped")
		return time.Since(began).Seconds(), nil
	}
}

func rename(ctx context.Context, admin, ender *pgx.Conn, name, made, kept, note string, fence int64) error {
	ended := make(chan struct{})
	ending, stop := context.WithCancel(ctx)
	go func() {
		defer close(ended)
		endSessions(ending, ender, name, made)
	}()
	defer func() { stop(); <-ended }()
	return pgx.BeginFunc(ctx, admin, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf(`ALTER DATABASE %s RENAME TO %s`, quote(name), quote(kept))); err != nil {
			return err
		}
		// Nobody can mark it any more, since it is locked.
		text, found, err := markOf(ctx, tx, kept)
		if err == nil && fence > 0 && found > fence {
			err = overtaken(fence, found)
		}
		if err != nil {
			return err
		}
		if text != "" { // by people, and of both databases
			note = text + " (" + note + ")"
		}
		for _, sql := range []string{
			fmt.Sprintf(`ALTER DATABASE %s RENAME TO %s`, quote(made), quote(name)),
			// Who still writes there would lose it unseen.
			fmt.Sprintf(`ALTER DATABASE %s SET default_transaction_read_only = on`, quote(kept)),
			fmt.Sprintf(`COMMENT ON DATABASE %s IS %s`, quote(kept), literal(note)),
			comment(name, text, max(fence, found)),
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		crash.Point(ctx, "database restored: renamed, not committed")
		return nil
	})
}

// endable is whether this role may end a session of pg_stat_activity a.
const endable = `pg_has_role(a.usesysid, 'MEMBER') OR pg_has_role('pg_signal_backend', 'MEMBER') AND NOT coalesce((SELECT rolsuper FROM pg_roles r WHERE r.oid = a.usesysid), false)`

// The one session that it may not end would make the whole statement fail.
const sessions = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity a WHERE datname = ANY($1) AND pid <> pg_backend_pid() AND usesysid IS NOT NULL AND (` + endable + `)`

// endSessions ends those of both databases, again and again until it is told to stop.
func endSessions(ctx context.Context, conn *pgx.Conn, names ...string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		// Not ctx: a query that is cancelled takes its connection along.
		_, err := conn.Exec(context.WithoutCancel(ctx), sessions, names)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err != nil && conn.IsClosed() {
			return // the rename says what is wrong
		}
	}
}
