package database

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// obstacle is a reason why a backup could not be verified, looked for before
// anything is dumped. The query names the offending objects.
type obstacle struct {
	sql, found, hint string
}

var obstacles = []obstacle{{
	sql:   `SELECT rolname FROM pg_roles WHERE rolname = current_user AND NOT rolcreatedb AND NOT rolsuper`,
	found: "a backup counts once it is restored into a scratch database, but role %s may not create one",
	hint:  `run: ALTER ROLE "…" CREATEDB (as a superuser)`,
}, {
	sql: `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	       WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND row_security_active(c.oid) ORDER BY 1`,
	found: "row security hides rows of %s from this role, so a dump of it would be incomplete",
	hint:  `use the owner of the tables, or run: ALTER ROLE "…" BYPASSRLS (as a superuser)`,
}, {
	sql: `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	       WHERE c.relkind IN ('r', 'p', 'm', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
	         AND NOT CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'SELECT') ELSE has_table_privilege(c.oid, 'SELECT') END ORDER BY 1`,
	found: "this role may not read %s",
	hint:  "use the owner of the tables, or grant it pg_read_all_data",
}, {
	sql: `SELECT e.extname || ' ' || e.extversion FROM pg_extension e
	       WHERE NOT EXISTS (SELECT 1 FROM pg_available_extension_versions v WHERE v.name = e.extname) ORDER BY 1`,
	found: "the server no longer has the files of extension %s, so nothing that uses it can be restored",
	hint:  "install the extension's package on the server",
}, {
	sql: `SELECT DISTINCT e.extname::text FROM pg_extension e JOIN pg_available_extension_versions v ON v.name = e.extname
	       WHERE e.oid >= 16384 AND v.superuser AND NOT v.trusted AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) ORDER BY 1`,
	found: "only a superuser can restore extension %s",
	hint:  "back up as a superuser",
}, {
	sql: `SELECT evtname::text FROM pg_event_trigger t
	       WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
	         AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'e') ORDER BY 1`,
	found: "only a superuser can restore event trigger %s",
	hint:  "back up as a superuser, or drop the event trigger",
}}

// remarks are what a backup leaves out, or what comes back in another way.
var remarks = []obstacle{{
	sql:   `SELECT pubname::text FROM pg_publication ORDER BY 1`,
	found: "publications are not in the backup: %s",
}, {
	sql:   `SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'f' ORDER BY 1`,
	found: "the rows of foreign tables are elsewhere and not in the backup: %s",
}, {
	sql: `SELECT e.extname || ' ' || e.extversion || ' as ' || a.default_version FROM pg_extension e JOIN pg_available_extensions a ON a.name = e.extname
	       WHERE a.default_version <> e.extversion ORDER BY 1`,
	found: "extensions come back in the server's default version: %s",
}, {
	sql: `SELECT DISTINCT c.oid::regclass::text FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
	       JOIN pg_extension e ON e.oid = d.refobjid WHERE c.relkind = 'r' AND c.oid = ANY (e.extconfig) ORDER BY 1`,
	found: "tables of extensions were dumped but not compared: %s",
}}

const oldestServer = 13

// survey looks for obstacles and returns the remarks.
func survey(ctx context.Context, conn *pgx.Conn, a Address, server Server) ([]string, error) {
	doing := "back up " + a.String()
	if server.Major < oldestServer {
		return nil, failf(Refused, doing, "upgrade the server", "the server is PostgreSQL %s, and its catalog can be read from %d on", server.Version, oldestServer)
	}
	if server.Replica {
		return nil, failf(Refused, doing, "give the URL of the primary", "it is a read replica, where no scratch database can be made to verify the backup in")
	}
	for _, o := range obstacles {
		names, err := collect(ctx, conn, pgx.RowTo[string], o.sql)
		if err != nil {
			return nil, explain(ctx, doing, err)
		}
		if len(names) > 0 {
			return nil, failf(Refused, doing, strings.ReplaceAll(o.hint, "…", a.User), o.found, some(names))
		}
	}
	var said []string
	for _, o := range remarks {
		names, err := collect(ctx, conn, pgx.RowTo[string], o.sql)
		if err != nil {
			return nil, explain(ctx, doing, err)
		}
		if len(names) > 0 {
			said = append(said, fmt.Sprintf(o.found, some(names)))
		}
	}
	return said, nil
}

// some joins names, the first few of them.
func some(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
