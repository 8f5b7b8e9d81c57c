package database

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// TableCheck is what was compared of one table, partition or materialized view.
type TableCheck struct {
	Schema   string `json:"schema"`
	Name     string `json:"name"`
	Kind     string `json:"kind"` // table, partition, materialized view, large objects
	Rows     int64  `json:"rows"`
	Checksum string `json:"checksum"`
}

func (t TableCheck) key() string { return quote(t.Schema, t.Name) }

// The kinds of TableCheck. Of a partitioned table its leaves are compared, one
// by one, because that is where the rows are; the root holds none.
const (
	kindTable        = "table"
	kindPartition    = "partition"
	kindMaterialized = "materialized view"
	kindLargeObjects = "large objects"
)

// sequence is where a sequence stands. It is not part of any snapshot.
type sequence struct {
	Last   int64
	Called bool
}

// relations lists what holds rows, the largest first, so that a big one does not
// start when all others are done. Extensions bring their tables themselves, and
// a materialized view that was never filled has nothing to compare.
const relations = `
SELECT n.nspname, c.relname, CASE WHEN c.relkind = 'm' THEN 'materialized view' WHEN c.relispartition THEN 'partition' ELSE 'table' END, 0, ''
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND c.oid >= 16384 AND n.nspname !~ '^pg_'
   AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY c.relpages DESC, 1, 2`

// listTables returns the tables to compare, not yet counted.
func listTables(ctx context.Context, conn *pgx.Conn) ([]TableCheck, error) {
	tables, err := collect(ctx, conn, pgx.RowToStructByPos[TableCheck], relations)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var blobs bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_largeobject_metadata)`).Scan(&blobs); err != nil {
		return nil, fmt.Errorf("list large objects: %w", err)
	}
	if blobs {
		tables = append(tables, TableCheck{Schema: "pg_catalog", Name: "pg_largeobject", Kind: kindLargeObjects})
	}
	return tables, nil
}

// countTable fills in rows and checksum. Rows are hashed as text: the hash of a
// record is that of OIDs for enums and regclass columns, which a restored
// database numbers anew, and json and point have none at all. The sum does not
// depend on the order of rows.
func countTable(ctx context.Context, conn *pgx.Conn, t *TableCheck) error {
	sql := `SELECT count(*), coalesce(sum(hashtextextended((t.*)::text, 0)), 0)::text FROM ONLY ` + t.key() + ` t`
	if t.Kind == kindLargeObjects {
		sql = `SELECT count(*), coalesce(sum(hashtextextended(md5(lo_get(oid)), oid::bigint)), 0)::text FROM pg_largeobject_metadata`
	}
	if err := conn.QueryRow(ctx, sql).Scan(&t.Rows, &t.Checksum); err != nil {
		return fmt.Errorf("count %s %s: %w", t.Kind, t.key(), err)
	}
	return nil
}

// countTables counts all of them, over several connections that see the same.
// It reports once a second, and at the end.
func countTables(ctx context.Context, conns []*pgx.Conn, tables []TableCheck, done func(n int)) error {
	g, ctx := errgroup.WithContext(ctx)
	var next, finished, told atomic.Int64
	told.Store(time.Now().Unix())
	for _, conn := range conns {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(tables) {
					return nil
				}
				if err := countTable(ctx, conn, &tables[i]); err != nil {
					return err
				}
				n, now := finished.Add(1), time.Now().Unix()
				if told.Swap(now) != now || n == int64(len(tables)) {
					done(int(n))
				}
			}
		})
	}
	return g.Wait()
}

// readSequences tells where every sequence stands, by its qualified name.
func readSequences(ctx context.Context, conn *pgx.Conn) (map[string]sequence, error) {
	names, err := collect(ctx, conn, pgx.RowTo[string], `
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'S' AND c.oid >= 16384 AND n.nspname !~ '^pg_'
   AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list sequences: %w", err)
	}
	all := make(map[string]sequence, len(names))
	for _, name := range names {
		var s sequence
		if err := conn.QueryRow(ctx, `SELECT last_value, is_called FROM `+name).Scan(&s.Last, &s.Called); err != nil {
			return nil, fmt.Errorf("read sequence %s: %w", name, err)
		}
		all[name] = s
	}
	return all, nil
}

func sortTables(tables []TableCheck) {
	slices.SortFunc(tables, func(a, b TableCheck) int {
		if a.key() < b.key() {
			return -1
		}
		return 1
	})
}
