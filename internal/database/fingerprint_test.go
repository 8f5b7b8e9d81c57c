package database

import (
	"strings"
	"testing"
)

// Every kind of change shows, each undone again leaves no trace: if the second
// half failed, a fingerprint would hold something that is not the schema.
func TestFingerprintSeesEveryChange(t *testing.T) {
	url := newDatabase(t, zoo)
	before, err := Fingerprint(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(before.Text, "gin_trgm_consistent") {
		t.Error("what an extension brings is in it")
	}
	for _, c := range []struct{ do, undo, shows string }{
		{`CREATE TABLE more (id int)`, `DROP TABLE more`, "+ table public.more"},
		{`ALTER TABLE users ALTER name SET NOT NULL`, `ALTER TABLE users ALTER name DROP NOT NULL`, "~ table column public.users.name"},
		{`ALTER TABLE users ALTER name SET DEFAULT 'x'`, `ALTER TABLE users ALTER name DROP DEFAULT`, "~ table column public.users.name"},
		{`ALTER TABLE events ALTER user_id TYPE bigint`, `ALTER TABLE events ALTER user_id TYPE int`, "~ table column public.events_2024.user_id"},
		{`DROP INDEX users_name_idx`, `CREATE INDEX ON users USING gin (name gin_trgm_ops)`, "- index public.users_name_idx"},
		{`ALTER TABLE users DISABLE TRIGGER touched`, `ALTER TABLE users ENABLE TRIGGER touched`, "~ trigger touched on public.users"},
		{`CREATE OR REPLACE FUNCTION plus(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT b + a'`, `CREATE OR REPLACE FUNCTION plus(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b'`, "~ function public.plus(integer,integer)"},
		{`ALTER TYPE mood RENAME VALUE 'sad' TO 'low'`, `ALTER TYPE mood RENAME VALUE 'low' TO 'sad'`, "~ type public.mood"},
		{`ALTER DOMAIN email SET NOT NULL`, `ALTER DOMAIN email DROP NOT NULL`, "~ type public.email"},
		{`ALTER TABLE events DETACH PARTITION events_rest`, `ALTER TABLE events ATTACH PARTITION events_rest DEFAULT`, "~ table public.events_rest"},
		{`ALTER SEQUENCE loose CACHE 7`, `ALTER SEQUENCE loose CACHE 1`, "~ sequence public.loose"},
		{`ALTER POLICY mine ON private USING (id > 1)`, `ALTER POLICY mine ON private USING (id > 0)`, "~ policy mine on public.private"},
		{`ALTER TABLE private FORCE ROW LEVEL SECURITY`, `ALTER TABLE private NO FORCE ROW LEVEL SECURITY`, "~ table public.private"},
		{`CREATE OR REPLACE VIEW happy AS SELECT * FROM users WHERE m = 'happy'`, `CREATE OR REPLACE VIEW happy AS SELECT * FROM users WHERE m IN ('happy', 'ok')`, "~ view public.happy"},
		{`COMMENT ON TABLE users IS 'folk'`, `COMMENT ON TABLE users IS 'people'`, "~ comment table public.users"},
		{`GRANT SELECT ON cats TO PUBLIC`, `REVOKE SELECT ON cats FROM PUBLIC`, "~ table public.cats"},
		{`CREATE SCHEMA other`, `DROP SCHEMA other`, "+ schema other"},
		{`REFRESH MATERIALIZED VIEW moods; INSERT INTO animals VALUES (9); SELECT nextval('loose')`, ``, ""},
	} {
		exec1(t, url, c.do)
		after, err := Fingerprint(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		changes := strings.Join(before.Changes(after), "\n")
		if !strings.Contains(changes, c.shows) || c.shows == "" && changes != "" {
			t.Errorf("%s shows %q", c.do, changes)
		}
		if (after.Digest == before.Digest) != (changes == "") {
			t.Errorf("%s: digest and changes disagree", c.do)
		}
		exec1(t, url, c.undo)
		if c.shows == "~ table public.cats" { // a revoked right leaves an explicit owner's behind
			if before, err = Fingerprint(t.Context(), url); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if again, err := Fingerprint(t.Context(), url); err != nil || again.Digest != before.Digest {
			t.Errorf("%s is not as before: %q %v", c.undo, before.Changes(again), err)
			before = again
		}
	}
}
