package database

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// identity is which database of which server a backup was taken of. A promoted
// replica keeps it; a database of the same name elsewhere has another one.
type identity struct {
	System   string `json:"system"` // system identifier of the server's data, made by initdb
	Database string `json:"database"`
}

// counting is since when the server counts writes to tables: counters of two
// times can be compared only if it is the same for both. A restored database
// has another OID, a reset or a crash another time.
type counting struct {
	OID   uint32 `json:"oid"`
	Since string `json:"since"`
}

func identify(ctx context.Context, conn *pgx.Conn) (i identity, c counting, err error) {
	err = conn.QueryRow(ctx, `
SELECT (SELECT system_identifier::text FROM pg_control_system()), d.datname, d.oid,
       concat_ws(' ', (SELECT stats_reset::text FROM pg_stat_database WHERE datid = d.oid), (SELECT stats_reset::text FROM pg_stat_bgwriter))
  FROM pg_database d WHERE d.datname = current_database()`).Scan(&i.System, &i.Database, &c.OID, &c.Since)
	if err != nil {
		err = fmt.Errorf("ask which database this is: %w", err)
	}
	return i, c, err
}

// admit refuses to go back to the backup of another database.
func (m manifest) admit(dump, doing string, here identity) error {
	const hint = "name a backup of this database; the folder of each run holds its own"
	switch {
	case m.Of == identity{}:
		return failf(Refused, doing, "take another backup", "%s does not say which database it is of", dump)
	case m.Of.Database != here.Database:
		return failf(Refused, doing, hint, "%s is a backup of %s", dump, m.Of.Database)
	case m.Of.System != here.System:
		return failf(Refused, doing, hint, "%s is a backup of a database %s on another server", dump, m.Of.Database)
	}
	return nil
}

// unmovable are reasons why a database cannot change its name, or must not: what
// refers to it by number would go on with the one that was replaced.
var unmovable = []obstacle{{
	sql:   `SELECT gid::text FROM pg_prepared_xacts WHERE database = current_database() ORDER BY 1`,
	found: "transactions are prepared there and neither committed nor rolled back: %s",
	hint:  "end them with COMMIT PREPARED or ROLLBACK PREPARED",
}, {
	sql:   `SELECT slot_name::text FROM pg_replication_slots WHERE database = current_database() ORDER BY 1`,
	found: "replication slots would go on with the database that was replaced: %s",
	hint:  "drop them with pg_drop_replication_slot, and let whoever reads them begin anew afterwards",
}, {
	sql:   `SELECT subname::text FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1`,
	found: "subscriptions write into it and do not come back with a backup: %s",
	hint:  "drop them, and make them anew afterwards",
}, {
	sql: `SELECT DISTINCT coalesce(nullif(application_name, ''), 'a session') || ' as ' || usename || ' pid ' || pid FROM pg_stat_activity a
	       WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL AND NOT (` + endable + `) ORDER BY 1`,
	found: "this role may not end the sessions of %s",
	hint:  `run: GRANT pg_signal_backend TO "…" (as a superuser), and close sessions of superusers`,
}}

// movable refuses, before anybody's session is ended, what would fail afterwards.
func movable(ctx context.Context, conn *pgx.Conn, a Address, doing string) error {
	for _, o := range unmovable {
		names, err := collect(ctx, conn, pgx.RowTo[string], o.sql)
		if err != nil {
			return explain(ctx, doing, err)
		}
		if len(names) > 0 {
			return failf(Refused, doing, strings.ReplaceAll(o.hint, "…", a.User), o.found, some(names))
		}
	}
	return nil
}
