package database

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// pins are the settings that decide how values turn into text, and those that
// could end a long, idle or filtered read. Both sides of a comparison use them.
const pins = `
SET search_path = '';
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET bytea_output = 'hex';
SET extra_float_digits = 3;
SET lc_monetary = 'C';
SET xmlbinary = 'base64';
SET quote_all_identifiers = off;
SET row_security = off;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET lock_timeout = '30s';
SET client_min_messages = warning;
-- Whoever dies in the middle of a long count leaves no lock behind. Since version 14.
SELECT set_config(name, '1s', false) FROM pg_settings WHERE name = 'client_connection_check_interval';
`

// connect opens a connection with pinned settings.
func connect(ctx context.Context, a Address) (*pgx.Conn, error) {
	doing := "connect to " + a.String()
	config, err := pgx.ParseConfig(a.dsn())
	if err != nil {
		// The driver's error may quote the connection string.
		return nil, failf(BadURL, doing, "check sslmode, sslrootcert, sslcert and sslkey in the database URL", "its settings are not usable")
	}
	// Nothing prepared by name: works behind a pooler too.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, explain(ctx, doing, err)
	}
	if _, err := conn.PgConn().Exec(ctx, pins).ReadAll(); err != nil {
		hangUp(conn)
		return nil, explain(ctx, doing, err)
	}
	return conn, nil
}

// hangUp closes a connection, also when the work was cancelled.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the server ends the session in either case
}

// Server is what a PostgreSQL server says about itself.
type Server struct {
	Version string // as in 15.18
	Major   int
	Replica bool // in recovery, so nothing can be written
}

func askServer(ctx context.Context, conn *pgx.Conn) (Server, error) {
	var s Server
	var number int
	err := conn.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('server_version_num')::int, pg_is_in_recovery()`).
		Scan(&s.Version, &number, &s.Replica)
	s.Version, _, _ = strings.Cut(s.Version, " ")
	s.Major = number / 10000
	return s, err
}

// Ping asks the database for its version by a real query.
func Ping(ctx context.Context, rawURL string) (Server, error) {
	a, err := ParseURL(rawURL)
	if err != nil {
		return Server{}, err
	}
	conn, err := connect(ctx, a)
	if err != nil {
		return Server{}, err
	}
	defer hangUp(conn)
	s, err := askServer(ctx, conn)
	return s, explain(ctx, "query "+a.String(), err)
}

// collect runs a query that yields one row a T.
func collect[T any](ctx context.Context, conn *pgx.Conn, scan func(pgx.CollectableRow) (T, error), sql string, args ...any) ([]T, error) {
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

func inMilliseconds(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }

func quote(parts ...string) string { return pgx.Identifier(parts).Sanitize() }

func plural(n int, one string) string {
	switch {
	case n == 1:
		return "1 " + one
	case strings.HasSuffix(one, "x"), strings.HasSuffix(one, "s"):
		return strconv.Itoa(n) + " " + one + "es"
	case strings.HasSuffix(one, "y"):
		return fmt.Sprintf("%d %sies", n, one[:len(one)-1])
	}
	return strconv.Itoa(n) + " " + one + "s"
}
