package database

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// databases are those of the server whose names begin like that.
func databases(t *testing.T, prefix string) []string {
	t.Helper()
	names := ask[[]string](t, pg.admin("postgres"), `SELECT coalesce(array_agg(datname::text ORDER BY 1), '{}') FROM pg_database WHERE starts_with(datname, `+literal(prefix)+`)`)
	return names
}

// A database is dropped because an attempt to restore made it, and never because its
// name fits: a person's shop_restored_7_20261129 was dropped unasked. One whose maker
// died before it was marked goes all the same.
func TestRestoreDropsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	url, b := backedUp(t)
	a, err := ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	prefix := a.Database + "_restored_7_"
	for _, tt := range []struct {
		digits, create, comment string
		goes                    bool
	}{
		{digits: "20261129"},
		{digits: "00000001", comment: "of Mara, do not touch"},
		{digits: "00000002", comment: restoredMark(prefix+"00000009", a.Database, "7")},
		{digits: "00000003", comment: restoredMark(prefix+"00000003", "another", "7")},
		{digits: "00000004", comment: restoredMark(prefix+"00000004", a.Database, "7"), goes: true},
		{digits: "00000005", create: fmt.Sprintf(" CONNECTION LIMIT %d", markingLimit(prefix+"00000005")), goes: true},
		{digits: "00000006", create: fmt.Sprintf(" CONNECTION LIMIT %d", markingLimit(prefix+"00000005"))},
		{digits: "00000007", create: fmt.Sprintf(" CONNECTION LIMIT %d", markingLimit(prefix+"00000007")), comment: "mine now"},
	} {
		name := prefix + tt.digits
		exec1(t, pg.admin("postgres"), "CREATE DATABASE "+name+" OWNER "+a.User+tt.create)
		if tt.comment != "" {
			exec1(t, pg.admin("postgres"), "COMMENT ON DATABASE "+name+" IS "+literal(tt.comment))
		}
		t.Cleanup(func() {
			conn := openContext(t, context.Background(), pg.admin("postgres"))
			defer hangUp(conn)
			if _, err := conn.Exec(context.Background(), "DROP DATABASE IF EXISTS "+name); err != nil {
				t.Error(err)
			}
		})
		o, said := restoreOptions(url, b), ""
		o.Progress = func(message string) { said += message + "\n" }
		admin := open(t, url)
		if err := o.dropAttempts(t.Context(), admin, a); err != nil {
			t.Fatal(err)
		}
		if gone := !slices.Contains(databases(t, prefix), name); gone != tt.goes {
			t.Errorf("%s with the comment %q is gone: %v", name, tt.comment, gone)
		}
		if named := strings.Contains(said, tt.digits); named == tt.goes {
			t.Errorf("%s: said %q", name, said)
		}
	}
}

// What people wrote about a database stays with it, and with the one that takes its place.
func TestRestoreKeepsComments(t *testing.T) {
	t.Parallel()
	url, b := backedUp(t)
	a, err := ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	exec1(t, url, "COMMENT ON DATABASE "+a.Database+" IS 'of the shop; ask Mara'")
	r, err := Restore(t.Context(), restoreOptions(url, b))
	if err != nil {
		t.Fatal(err)
	}
	const comment = `SELECT coalesce(shobj_description(oid, 'pg_database'), '') || ' ' || datconnlimit FROM pg_database WHERE datname = current_database()`
	if got := ask[string](t, url, comment); got != "of the shop; ask Mara -1" {
		t.Errorf("the database has %q", got)
	}
	if got := ask[string](t, a.On(r.Kept).URL(), comment); got != "of the shop; ask Mara (slipway: replaced by the backup "+b.SHA256+") -1" {
		t.Errorf("the one that was replaced has %q", got)
	}
	if again, err := Restore(t.Context(), restoreOptions(url, b)); err != nil || again.Kept != r.Kept {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	if left := databases(t, a.Database+"_restored_"); len(left) > 0 {
		t.Errorf("left behind: %s", left)
	}
}
