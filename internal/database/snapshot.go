package database

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// snapshot is one moment of a database, held open by a transaction so that
// pg_dump and every counting connection see exactly the same rows.
type snapshot struct {
	id        string
	conns     []*pgx.Conn // the first one holds it, the others share it
	tables    []TableCheck
	objects   []object
	sequences map[string]sequence // where they stood when it was taken
}

// takeSnapshot opens jobs connections on the same snapshot and locks the tables
// against being changed or dropped while they are read.
func takeSnapshot(ctx context.Context, a Address, jobs int, patience time.Duration) (s *snapshot, err error) {
	doing := "take a snapshot of " + a.String()
	s = &snapshot{}
	defer func() {
		if err != nil {
			s.release()
			s, err = nil, nameBlockers(ctx, a, explain(ctx, doing, err))
		}
	}()
	const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`
	for i := range jobs {
		conn, err := connect(ctx, a)
		if err != nil {
			return s, err
		}
		s.conns = append(s.conns, conn)
		sql := begin
		if i > 0 {
			sql += `; SET TRANSACTION SNAPSHOT '` + strings.ReplaceAll(s.id, "'", "''") + `'`
		}
		if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			return s, err
		}
		if i == 0 {
			if err := conn.QueryRow(ctx, `SELECT pg_export_snapshot()`).Scan(&s.id); err != nil {
				return s, err
			}
			if err := s.lock(ctx, conn, patience); err != nil {
				return s, err
			}
		}
	}
	if s.objects, err = readCatalog(ctx, s.conns[0]); err != nil {
		return s, fmt.Errorf("read the catalog: %w", err)
	}
	s.sequences, err = readSequences(ctx, s.conns[0])
	return s, err
}

// lock takes the weakest lock on every table. It stops nobody from reading or
// writing, only from altering. Materialized views cannot be locked.
func (s *snapshot) lock(ctx context.Context, conn *pgx.Conn, patience time.Duration) (err error) {
	if s.tables, err = listTables(ctx, conn); err != nil {
		return err
	}
	var names []string
	for _, t := range s.tables {
		if t.Kind == kindTable || t.Kind == kindPartition {
			names = append(names, "ONLY "+t.key())
		}
	}
	if len(names) == 0 {
		return nil
	}
	_, err = conn.PgConn().Exec(ctx, `SET LOCAL lock_timeout = '`+inMilliseconds(patience)+`'; LOCK TABLE `+strings.Join(names, ", ")+` IN ACCESS SHARE MODE`).ReadAll()
	return err
}

// release ends the transactions; vacuum on the server is held back until then.
func (s *snapshot) release() {
	for _, conn := range s.conns {
		hangUp(conn)
	}
	s.conns = nil
}
