package database

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/teei/slipway/internal/crash"
)

// A database that this program made is known by its comment, and never by a name
// that fits: people make databases too, and name them after ours.
//
// CREATE DATABASE takes no comment and is no part of a transaction, so a process may
// die between the two. It takes a limit of connections, though: until the comment is
// there, the limit is a number that follows from the name, more than any server has.

// restoredMark is the comment of a database that an attempt to restore made.
func restoredMark(name, of, label string) string {
	return fmt.Sprintf("slipway: %s, restored beside %s by attempt %s", name, of, label)
}

// scratchMark is the comment of a database that a backup is verified in.
func scratchMark(name string) string { return "slipway: " + name + ", to verify a backup in" }

// markingLimit is the limit of connections of a database that has no comment yet.
func markingLimit(name string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte("slipway " + name)) // never fails
	return 1<<30 + int32(h.Sum32()>>2)
}

// makeMarked runs a CREATE DATABASE and marks what it made.
func makeMarked(ctx context.Context, conn *pgx.Conn, create, name, mark string) error {
	if _, err := conn.PgConn().Exec(ctx, fmt.Sprintf("%s CONNECTION LIMIT %d", create, markingLimit(name))).ReadAll(); err != nil {
		return err
	}
	crash.Point(ctx, "database made, not marked")
	// Two statements that are sent as one are one transaction.
	_, err := conn.PgConn().Exec(ctx, fmt.Sprintf("COMMENT ON DATABASE %[1]s IS %[2]s; ALTER DATABASE %[1]s CONNECTION LIMIT -1", quote(name), literal(mark))).ReadAll()
	return err
}

// found is a database whose name is one of those that are made here.
type found struct {
	Name    string
	Limit   int32
	Comment string
}

const foundColumns = `datname::text, datconnlimit, coalesce(shobj_description(d.oid, 'pg_database'), '')`

// ours reports whether it was made here, with that mark.
func (f found) ours(mark string) bool {
	return f.Comment == mark || f.Comment == "" && f.Limit == markingLimit(f.Name)
}

// unmarked says what is to be done about databases with names like ours.
func unmarked(names []string) string {
	if len(names) == 1 {
		return names[0] + " is named like one that slipway makes and does not bear its mark: it stays; drop it if nobody needs it"
	}
	return strings.Join(names, ", ") + " are named like those that slipway makes and do not bear its mark: they stay; drop them if nobody needs them"
}
