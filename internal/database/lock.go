package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// HeldError says who holds a lock that was wanted.
type HeldError struct {
	By    string // what the holder calls itself, where it comes from
	Since time.Time
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("another migration is running: %s, since %s", e.By, e.Since.UTC().Format("15:04:05 MST"))
}

// migrationLock is the key of the advisory lock: "slipway" in ASCII. It is one
// for each database, which is what advisory locks are.
const migrationLock int64 = 0x736c6970776179

// lock is an advisory lock, held by a session of its own. The server lets go of
// it when the session ends, also when this program is killed.
type lock struct{ conn *pgx.Conn }

// takeLock takes it at once, or fails with a *HeldError; if it is to wait, it
// does so for the 30 s of connect.
func takeLock(ctx context.Context, a Address, holder string, wait bool) (*lock, error) {
	doing := "lock " + a.String() + " for a migration"
	conn, err := connect(ctx, a)
	if err != nil {
		return nil, err
	}
	l := &lock{conn}
	if _, err = conn.Exec(ctx, `SELECT set_config('application_name', $1, false)`, holder); err != nil {
		l.release()
		return nil, explain(ctx, doing, err)
	}
	if wait {
		if _, err = conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, migrationLock); err == nil {
			return l, nil
		}
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "55P03" {
			l.release()
			return nil, explain(ctx, doing, err)
		}
	}
	// Between a failed try and the look at who holds it, it may have been freed.
	for range 3 {
		var mine bool
		if err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, migrationLock).Scan(&mine); err != nil {
			break
		}
		if mine {
			return l, nil
		}
		var held *HeldError
		if held, err = whoHolds(ctx, conn); err != nil {
			break
		}
		if held != nil {
			l.release()
			return nil, fail(Held, doing, held, "wait until it has ended; if its runner is gone, the server ends the session when its connection times out")
		}
	}
	l.release()
	if err == nil {
		err = errors.New("another migration is running")
	}
	return nil, explain(ctx, doing, err)
}

func whoHolds(ctx context.Context, conn *pgx.Conn) (*HeldError, error) {
	held := &HeldError{}
	err := conn.QueryRow(ctx, `
SELECT concat_ws(' ', nullif(s.application_name, ''), 'as', s.usename, 'from', coalesce(host(s.client_addr), 'a local socket'), 'pid', s.pid), s.backend_start
  FROM pg_locks l JOIN pg_stat_activity s ON s.pid = l.pid JOIN pg_database d ON d.oid = l.database
 WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database() AND l.objsubid = 1
   AND (l.classid::bigint << 32 | l.objid::bigint) = $1`, migrationLock).Scan(&held.By, &held.Since)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return held, err
}

// strongLocks names the tables that others hold a lock on which only DDL takes,
// and who those are. Reading and writing rows takes none of them.
func strongLocks(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	return collect(ctx, conn, pgx.RowTo[string], `
SELECT DISTINCT concat_ws(' ', coalesce(nullif(l.relation::regclass::text, l.relation::text), 'a new object'), 'by', nullif(s.application_name, ''), 'as', s.usename, 'pid', s.pid, 'since', to_char(s.xact_start, 'HH24:MI:SS'))
  FROM pg_locks l JOIN pg_stat_activity s ON s.pid = l.pid JOIN pg_database d ON d.oid = l.database
 WHERE l.granted AND l.locktype = 'relation' AND d.datname = current_database() AND s.backend_type = 'client backend' AND l.pid <> pg_backend_pid()
   AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') AND l.relation >= 16384
   AND s.query !~* '^\s*(vacuum|analyze)'
 ORDER BY 1`)
}

// nameBlockers adds who is in the way to an error about a lock not had in time.
func nameBlockers(ctx context.Context, a Address, err error) error {
	var known *Error
	if !errors.As(err, &known) || known.Kind != Held {
		return err
	}
	conn, failed := connect(ctx, a)
	if failed != nil {
		return err
	}
	defer hangUp(conn)
	if busy, failed := strongLocks(ctx, conn); failed == nil && len(busy) > 0 {
		return failf(Held, known.Doing, known.Advice, "not all tables could be locked in time: %s", some(busy))
	}
	return err
}

// lost tells whether the session that holds the lock is gone, so that somebody
// else may have begun a migration beside ours.
func (l *lock) lost(ctx context.Context) bool {
	var mine bool
	err := l.conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted)`).Scan(&mine)
	return err != nil || !mine
}

func (l *lock) release() { hangUp(l.conn) }
