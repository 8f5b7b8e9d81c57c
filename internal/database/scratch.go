package database

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const scratchPrefix = "slipway_verify_"

// scratchName carries the time it was made, so that the ones of runs that were
// killed can be told from those in use.
var scratchName = regexp.MustCompile(`^` + scratchPrefix + `(\d{10})_[0-9a-f]{8}$`)

// scratch is a database made to restore into, beside the original.
type scratch struct {
	Address
	admin *pgx.Conn // to the original database, which is where it can be dropped from
}

// makeScratch creates an empty database with the encoding and locale of the
// original. From template0: template1 may hold objects of its own.
func makeScratch(ctx context.Context, a Address, progress func(string)) (*scratch, error) {
	doing := "create a scratch database beside " + a.String()
	admin, err := connect(ctx, a)
	if err != nil {
		return nil, err
	}
	if _, others := reap(ctx, admin, time.Now()); len(others) > 0 {
		progress(unmarked(others))
	}
	name := fmt.Sprintf("%s%d_%s", scratchPrefix, time.Now().Unix(), randomHex(4))
	sql, err := createLike(ctx, admin, name)
	if err == nil {
		err = makeMarked(ctx, admin, sql, name, scratchMark(name))
	}
	s := &scratch{Address: a.On(name), admin: admin}
	if err != nil {
		// A cancelled CREATE may have gone through all the same.
		return nil, errors.Join(explain(ctx, doing, err), s.drop())
	}
	// It is thrown away: nobody needs its commits to be durable one by one.
	if _, err = admin.PgConn().Exec(ctx, `ALTER DATABASE `+quote(name)+` SET synchronous_commit = off`).ReadAll(); err != nil {
		return nil, errors.Join(explain(ctx, doing, err), s.drop())
	}
	return s, nil
}

// createLike writes the CREATE DATABASE for the current database's locale. Its
// catalog columns have been renamed between majors, so they are read by name.
func createLike(ctx context.Context, conn *pgx.Conn, name string) (string, error) {
	var encoding string
	var row map[string]any
	err := conn.QueryRow(ctx, `SELECT pg_encoding_to_char(encoding), to_jsonb(d) - 'datacl' FROM pg_database d WHERE datname = current_database()`).Scan(&encoding, &row)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE DATABASE %s TEMPLATE template0 ENCODING %s", quote(name), literal(encoding))
	option := func(word string, columns ...string) {
		for _, column := range columns {
			if value, ok := row[column].(string); ok {
				fmt.Fprintf(&b, " %s %s", word, literal(value))
				return
			}
		}
	}
	option("LC_COLLATE", "datcollate")
	option("LC_CTYPE", "datctype")
	switch row["datlocprovider"] {
	case "i":
		b.WriteString(" LOCALE_PROVIDER icu")
		option("ICU_LOCALE", "datlocale", "daticulocale")
		option("ICU_RULES", "daticurules")
	case "b":
		b.WriteString(" LOCALE_PROVIDER builtin")
		option("BUILTIN_LOCALE", "datlocale")
	case "c":
		b.WriteString(" LOCALE_PROVIDER libc")
	}
	return b.String(), nil
}

// drop removes the scratch database, also after a cancel.
func (s *scratch) drop() error {
	defer hangUp(s.admin)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	doing := "drop the scratch database " + s.Database
	conn := s.admin
	if conn.IsClosed() { // a cancelled query takes its connection along
		var err error
		if conn, err = connect(ctx, s.original()); err != nil {
			return err
		}
		defer hangUp(conn)
	}
	all, err := collect(ctx, conn, pgx.RowToStructByPos[found], `SELECT `+foundColumns+` FROM pg_database d WHERE datname = $1`, s.Database)
	if err != nil || len(all) == 0 || !all[0].ours(scratchMark(s.Database)) {
		return explain(ctx, doing, err)
	}
	command := `DROP DATABASE IF EXISTS ` + quote(s.Database)
	_, err = conn.PgConn().Exec(ctx, command+` WITH (FORCE)`).ReadAll()
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "42501" {
		// FORCE refuses to end an autovacuum worker, which belongs to nobody;
		// without it the server asks the worker to leave and waits.
		_, err = conn.PgConn().Exec(ctx, command).ReadAll()
	}
	return explain(ctx, doing, err)
}

func (s *scratch) original() Address { return s.On(s.admin.Config().Database) }

// reap drops what killed runs left behind: scratch databases older than an hour
// that nobody is connected to. A run in progress stays connected to its own. Others
// with such a name stay.
func reap(ctx context.Context, conn *pgx.Conn, now time.Time) (dropped, others []string) {
	all, err := collect(ctx, conn, pgx.RowToStructByPos[found], `
SELECT `+foundColumns+` FROM pg_database d
 WHERE d.datname LIKE 'slipway\_verify\_%' AND pg_has_role(d.datdba, 'MEMBER')
   AND NOT EXISTS (SELECT 1 FROM pg_stat_activity s WHERE s.datid = d.oid)`)
	if err != nil {
		return nil, nil // housekeeping must not stop a backup
	}
	for _, f := range all {
		name := scratchName.FindStringSubmatch(f.Name)
		if name == nil {
			continue
		}
		made, err := strconv.ParseInt(name[1], 10, 64)
		if err != nil || now.Sub(time.Unix(made, 0)) < time.Hour {
			continue
		}
		if !f.ours(scratchMark(f.Name)) {
			others = append(others, f.Name)
			continue
		}
		if _, err := conn.PgConn().Exec(ctx, `DROP DATABASE IF EXISTS `+quote(f.Name)).ReadAll(); err == nil {
			dropped = append(dropped, f.Name)
		}
	}
	return dropped, others
}

// literal writes a text that means the same whatever standard_conforming_strings is:
// the owner of a database may set that for all who connect, and its comment too.
func literal(s string) string {
	text := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return " E" + strings.ReplaceAll(text, `\`, `\\`)
	}
	return text
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	return hex.EncodeToString(b)
}
