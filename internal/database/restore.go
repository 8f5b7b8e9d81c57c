package database

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/teei/slipway/internal/crash"
)

// RestoreOptions says which backup becomes the database.
type RestoreOptions struct {
	URL   string // postgres:// address of the database; never shown
	Dump  string // file of a verified backup, its manifest beside it
	Tools string // folder of pg_restore. Default: PATH
	Jobs  int    // tables restored and compared at a time. Default: 2
	// Label tells this restore from others, such as the number of the rollback:
	// repeated with the same one, it finishes what was begun.
	Label string
	// Fence is the number of the run that restores, see Fence; 0: the fence is left alone.
	Fence int64
	// Still is asked before anything is dropped or made, and again right before
	// the databases change names: an error of it stops that. Default: nobody is asked.
	Still    func(ctx context.Context) error
	Progress func(message string)
}

// Restored is what became of a restore.
type Restored struct {
	Kept    string  // name of the database that was replaced; it stays, read-only
	Tables  int     // restored and compared
	Seconds float64 // of the whole
	Away    float64 // seconds in which nobody could connect
}

// Restore makes a verified backup the database: it is restored into a database
// of its own, compared with what the backup held, and then the two change names
// in one transaction. The one that was replaced is kept. Killed at any moment,
// the database is entirely the old or entirely the restored one.
func Restore(ctx context.Context, o RestoreOptions) (r Restored, err error) {
	began := time.Now()
	defer func() { r.Seconds = time.Since(began).Seconds() }()
	if o.Jobs < 1 {
		o.Jobs = 2
	}
	o.Progress = oneAtATime(o.Progress)
	a, err := ParseURL(o.URL)
	if err != nil {
		return r, err
	}
	m, err := readManifest(o.Dump)
	if err != nil {
		return r, err
	}
	t, err := findTools(ctx, o.Tools)
	if err != nil {
		return r, err
	}
	r.Kept, r.Tables = beside(a.Database, "replaced", o.Label), len(m.Tables)
	admin, err := connectBeside(ctx, a)
	if err != nil {
		return r, err
	}
	defer hangUp(admin)
	if o.Still != nil { // one that was overtaken must not drop its successor's
		if err := o.Still(ctx); err != nil {
			return r, err
		}
	}
	if err := o.dropAttempts(ctx, admin, a); err != nil {
		return r, err
	}
	done, err := replacedBefore(ctx, admin, r.Kept, m)
	if err != nil || done {
		return r, err
	}
	if err := o.allowed(ctx, a, m); err != nil {
		return r, err
	}
	if err := o.fence(ctx, a); err != nil {
		return r, err
	}
	made := a.On(beside(a.Database, "restored", o.Label+"_"+randomHex(attemptDigits/2)))
	if err := o.fill(ctx, a, made, m, t); err != nil {
		return r, err
	}
	if err := o.allowed(ctx, a, m); err != nil { // that was a while ago
		return r, err
	}
	if r.Away, err = swap(ctx, admin, a, made.Database, r.Kept, m.note(), o.Fence); err != nil {
		return r, err
	}
	o.Progress("the database that was replaced is kept as " + r.Kept)
	return r, nil
}

// fence makes the database be this run's: an earlier one that was only paused
// neither migrates it nor puts another in its place.
func (o RestoreOptions) fence(ctx context.Context, a Address) error {
	if o.Fence == 0 {
		return nil
	}
	conn, err := connect(ctx, a)
	if err != nil {
		return err
	}
	defer hangUp(conn)
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return Fence(ctx, tx, o.Fence) })
}

// allowed refuses what must not be restored, or could not be, before anything
// changes, and asks whether this is still the one to do it.
func (o RestoreOptions) allowed(ctx context.Context, a Address, m manifest) error {
	doing := "restore the backup of " + a.String()
	conn, err := connect(ctx, a)
	if err != nil {
		return err
	}
	defer hangUp(conn)
	here, _, err := identify(ctx, conn)
	if err != nil {
		return explain(ctx, doing, err)
	}
	if err := m.admit(o.Dump, doing, here); err != nil {
		return err
	}
	if err := movable(ctx, conn, a, doing); err != nil || o.Still == nil {
		return err
	}
	return o.Still(ctx)
}

// dropAttempts drops what earlier attempts of this restore made. Each makes a
// database with a name of its own, so one that was only paused finds nothing
// any more that it could put in the place of the database. What only has such a name
// stays, and is named.
func (o RestoreOptions) dropAttempts(ctx context.Context, admin *pgx.Conn, a Address) error {
	label := o.Label
	doing := "drop what an earlier attempt restored beside " + a.String()
	prefix := beside(a.Database, "restored", label+"_"+strings.Repeat("0", attemptDigits))
	prefix = strings.TrimSuffix(prefix, strings.Repeat("0", attemptDigits))
	all, err := collect(ctx, admin, pgx.RowToStructByPos[found], `SELECT `+foundColumns+` FROM pg_database d WHERE starts_with(datname::text, $1) AND length(datname::text) = $2 ORDER BY 1`, prefix, len([]rune(prefix))+attemptDigits)
	if err != nil {
		return explain(ctx, doing, err)
	}
	var others []string
	for _, f := range all {
		if !f.ours(restoredMark(f.Name, a.Database, label)) {
			others = append(others, f.Name)
			continue
		}
		if _, err := admin.PgConn().Exec(ctx, `DROP DATABASE IF EXISTS `+quote(f.Name)+` WITH (FORCE)`).ReadAll(); err != nil {
			return explain(ctx, doing, err)
		}
	}
	if len(others) > 0 {
		o.Progress(unmarked(others))
	}
	return nil
}

// attemptDigits is how many hexadecimal digits tell attempts apart.
const attemptDigits = 8

// fill restores into a new database and compares it.
func (o RestoreOptions) fill(ctx context.Context, a, made Address, m manifest, t tools) error {
	doing := "restore the backup of " + a.String()
	conn, err := connect(ctx, a)
	if err != nil {
		return err
	}
	defer hangUp(conn)
	create, err := createLike(ctx, conn, made.Database)
	if err == nil {
		err = makeMarked(ctx, conn, create, made.Database, restoredMark(made.Database, a.Database, o.Label))
	}
	if err != nil {
		return explain(ctx, doing, err)
	}
	statements, err := likeness(ctx, conn, made.Database)
	if err != nil {
		return explain(ctx, doing, err)
	}
	for _, sql := range statements {
		if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			return explain(ctx, doing, err)
		}
	}
	if err := o.settingsOfRoles(ctx, conn, made.Database); err != nil {
		return explain(ctx, doing, err)
	}
	crash.Point(ctx, "database restored: made")
	o.Progress("restoring into " + made.Database)
	if err := restoreWhole(ctx, made, t, o.Jobs, o.Dump); err != nil {
		return err
	}
	crash.Point(ctx, "database restored: filled")
	conns, err := connections(ctx, made, o.Jobs)
	if err != nil {
		return err
	}
	defer func() {
		for _, c := range conns {
			hangUp(c)
		}
	}()
	got, err := readContents(ctx, conns, func(n, of int) { o.Progress(fmt.Sprintf("compared %d of %s", n, plural(of, "table"))) })
	if err != nil {
		return explain(ctx, doing, err)
	}
	differences, _ := compare(m.contents(), m.Later, got)
	if len(differences) > 0 {
		return failf(Unproven, doing, "the database was not touched; "+made.Database+" is there to be looked at", "what was restored is not what the backup held: %s", some(differences))
	}
	// A dump holds no statistics; without any, the first queries are planned badly.
	o.Progress("analyzing " + made.Database)
	_, err = conns[0].PgConn().Exec(ctx, `ANALYZE`).ReadAll()
	return explain(ctx, doing, err)
}

func connections(ctx context.Context, a Address, n int) (conns []*pgx.Conn, err error) {
	for range n {
		conn, err := connect(ctx, a)
		if err != nil {
			for _, c := range conns {
				hangUp(c)
			}
			return nil, err
		}
		conns = append(conns, conn)
	}
	return conns, nil
}

// likeness are the statements that make a database like the current one, beside its
// locale: its owner, settings and rights. A dump has none of these.
func likeness(ctx context.Context, conn *pgx.Conn, name string) ([]string, error) {
	return collect(ctx, conn, pgx.RowTo[string], `
WITH d AS (SELECT * FROM pg_database WHERE datname = current_database())
SELECT format('ALTER DATABASE %1$I OWNER TO %2$I', $1::text, pg_get_userbyid(datdba)) FROM d
UNION ALL
SELECT format('ALTER DATABASE %1$I CONNECTION LIMIT %2$s', $1::text, datconnlimit) FROM d WHERE datconnlimit <> -1
UNION ALL
SELECT format('ALTER DATABASE %1$I SET ', $1::text) || `+assignment+`
  FROM d JOIN pg_db_role_setting s ON s.setdatabase = d.oid AND s.setrole = 0, unnest(s.setconfig) setting
UNION ALL
SELECT format('REVOKE ALL ON DATABASE %1$I FROM PUBLIC', $1::text) FROM d WHERE datacl IS NOT NULL
UNION ALL
SELECT format('GRANT %3$s ON DATABASE %1$I TO %2$s', $1::text, CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, privilege_type)
  FROM d, aclexplode(d.datacl)`, name)
}

// assignment writes a setting of pg_db_role_setting as SET takes it; lists of
// names are not quoted as a whole.
const assignment = `format('%1$I TO %2$s', split_part(setting, '=', 1),
  CASE WHEN split_part(setting, '=', 1) IN ('search_path', 'session_preload_libraries', 'local_preload_libraries', 'temp_tablespaces')
    THEN substr(setting, strpos(setting, '=') + 1) ELSE quote_literal(substr(setting, strpos(setting, '=') + 1)) END)`

// settingsOfRoles copies what roles have set in the current database. Those that
// this role may not set are told of: they are no reason not to go back.
func (o RestoreOptions) settingsOfRoles(ctx context.Context, conn *pgx.Conn, name string) error {
	statements, err := collect(ctx, conn, pgx.RowTo[string], `
SELECT format('ALTER ROLE %1$I IN DATABASE %2$I SET ', pg_get_userbyid(s.setrole), $1::text) || `+assignment+`
  FROM pg_database d JOIN pg_db_role_setting s ON s.setdatabase = d.oid AND s.setrole <> 0, unnest(s.setconfig) setting
 WHERE d.datname = current_database()`, name)
	if err != nil {
		return err
	}
	for _, sql := range statements {
		_, err := conn.PgConn().Exec(ctx, sql).ReadAll()
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "42501" {
			o.Progress("not copied, since this role may not: " + sql)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// restoreWhole runs pg_restore with owners and rights: this is to be the database.
func restoreWhole(ctx context.Context, a Address, t tools, jobs int, path string) error {
	err := run(ctx, a, t.restore, fmt.Sprintf("--jobs=%d", jobs), "--no-publications", "--no-subscriptions", "--exit-on-error", "--no-password", "--dbname="+a.Database, path)
	return explainTool(ctx, "restore the backup into "+a.Database, path, err)
}

// replacedBefore reports whether this very restore was made already: a database
// that only has the name is another one's, and no proof.
func replacedBefore(ctx context.Context, conn *pgx.Conn, name string, m manifest) (bool, error) {
	doing := "look for the database " + name
	var note string
	err := conn.QueryRow(ctx, `SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = $1`, name).Scan(&note)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, explain(ctx, doing, err)
	case !m.replaced(note):
		return false, failf(Failed, doing, "rename or drop it, if nobody needs it", "it is there already, and not from this restore")
	}
	return true, nil
}

// note marks a database that was replaced by this backup.
func (m manifest) note() string { return "slipway: replaced by the backup " + m.SHA256 }

// replaced reports whether a comment has that mark, be it behind what people wrote.
func (m manifest) replaced(comment string) bool {
	return comment == m.note() || strings.HasSuffix(comment, " ("+m.note()+")")
}

// beside is a name for a database next to another one, within the 63 bytes that
// PostgreSQL looks at.
func beside(database, what, label string) string {
	suffix := "_" + what + "_" + unfit.ReplaceAllString(label, "_")
	return database[:min(len(database), max(63-len(suffix), 1))] + suffix
}

// connectBeside connects to a database that is neither of those that change names.
func connectBeside(ctx context.Context, a Address) (*pgx.Conn, error) {
	conn, err := connect(ctx, a.On("postgres"))
	if err == nil {
		return conn, nil
	}
	other, second := connect(ctx, a.On("template1"))
	if second == nil {
		return other, nil
	}
	return nil, errors.Join(err, second)
}
