package database

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// zoo has one of every kind of table and object that a backup must bring back.
const zoo = `
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN email AS text CHECK (VALUE ~ '@');
CREATE SCHEMA "we""ird; drop";
CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail email UNIQUE, m mood DEFAULT 'ok', tags text[], born date,
  name text, shout text GENERATED ALWAYS AS (upper(name)) STORED, extra jsonb DEFAULT '{}');
INSERT INTO users (mail, m, tags, name, extra) SELECT i || '@x', (ARRAY['sad','ok','happy'])[1 + i % 3]::mood, ARRAY['a', NULL, i::text], 'n' || i, jsonb_build_object('i', i) FROM generate_series(1, 500) i;
CREATE TABLE log (at timestamptz DEFAULT now(), line text, j json, p point, pairs pair[], x xml, f float8, b bytea, n numeric, r int4range, kind regclass);
INSERT INTO log SELECT '2020-01-01'::timestamptz + i * interval '1 hour', repeat('l', i), '{"a": 1,  "a":2}', point(i, -i), ARRAY[ROW(i, 'x')::pair], '<a/>', 1.0 / i, '\x00ff', 1.10, int4range(1, i), 'users' FROM generate_series(1, 50) i;
INSERT INTO log DEFAULT VALUES; INSERT INTO log DEFAULT VALUES;
CREATE TABLE events (id bigint, at date NOT NULL, user_id int REFERENCES users, PRIMARY KEY (id, at), CHECK (id > 0)) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE INDEX ON events (user_id) WHERE user_id > 10;
INSERT INTO events SELECT i, '2024-01-01'::date + i, 1 + i % 500 FROM generate_series(1, 700) i;
CREATE TABLE empty (id serial PRIMARY KEY);
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
CREATE UNLOGGED TABLE cache (k text PRIMARY KEY, v text);
INSERT INTO cache VALUES ('a', E'tab\tnew\nline\\ \u00e9');
CREATE TABLE "we""ird; drop"."table"" name'; --" ("t" int, "select" text, "Umlaut ä" int);
INSERT INTO "we""ird; drop"."table"" name'; --" VALUES (1, 'x', 2);
CREATE TABLE animals (id int); CREATE TABLE cats (claws int) INHERITS (animals);
INSERT INTO animals VALUES (1); INSERT INTO cats VALUES (2, 18);
CREATE VIEW happy AS SELECT * FROM users WHERE m IN ('happy', 'ok');
CREATE MATERIALIZED VIEW moods AS SELECT m, count(*) FROM users GROUP BY m;
CREATE UNIQUE INDEX ON moods (m);
CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS one WITH NO DATA;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.extra = NEW.extra || '{"touched": true}'; RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE FUNCTION plus(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE AGGREGATE total (int) (SFUNC = plus, STYPE = int, INITCOND = '0');
CREATE SEQUENCE loose START 5 INCREMENT -3 MAXVALUE 5 MINVALUE -1000;
SELECT nextval('loose'), nextval('loose');
CREATE TABLE private (id int); ALTER TABLE private ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON private USING (id > 0);
INSERT INTO private VALUES (1), (-1);
CREATE RULE quiet AS ON DELETE TO empty DO INSTEAD NOTHING;
CREATE STATISTICS together ON at, user_id FROM events_rest;
COMMENT ON TABLE users IS 'people';
CREATE EXTENSION pg_trgm; CREATE INDEX ON users USING gin (name gin_trgm_ops);
SELECT lo_from_bytea(0, '\x0102'), lo_create(0);
`

func TestBackupOfEveryKindOfTable(t *testing.T) {
	url := newDatabase(t, zoo)
	dir := t.TempDir()
	var said []string
	b, err := TakeBackup(t.Context(), BackupOptions{URL: url, Dir: dir, Tools: pg.bin, Jobs: 1, Progress: func(s string) { said = append(said, s) }})
	if err != nil {
		t.Fatal(err)
	}
	if !b.Verified || b.ServerVersion == "" || b.ClientVersion == "" || b.Seconds == 0 || len(said) == 0 {
		t.Errorf("incomplete: %+v", b)
	}
	rows := map[string]int64{}
	for _, c := range b.Tables {
		rows[c.Schema+"."+c.Name] = c.Rows
	}
	want := map[string]int64{
		"public.users": 500, "public.log": 52, "public.events_2024": 365, "public.events_rest": 335, "public.empty": 0, "public.nothing": 1,
		"public.cache": 1, `we"ird; drop.table" name'; --`: 1, "public.animals": 1, "public.cats": 1, "public.moods": 3, "public.private": 2,
		"pg_catalog.pg_largeobject": 2,
	}
	for name, n := range want {
		if got, ok := rows[name]; !ok || got != n {
			t.Errorf("%s: %d rows, want %d", name, got, n)
		}
	}
	if len(rows) != len(want) {
		t.Errorf("compared %v", rows)
	}
	content, err := os.ReadFile(b.Path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if hex.EncodeToString(sum[:]) != b.SHA256 || int64(len(content)) != b.Bytes {
		t.Error("digest or size is not that of the file")
	}
	info, err := os.Stat(b.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the dump may be read by others: %v %v", info.Mode(), err)
	}
	onlyFile(t, dir, filepath.Base(b.Path))
	if left := scratchDatabases(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestEmptyDatabase(t *testing.T) {
	b, err := backup(t, newDatabase(t))
	if err != nil || !b.Verified || len(b.Tables) != 0 {
		t.Errorf("%+v: %v", b, err)
	}
}

// onlyFile asserts that a folder holds one dump of that name, with its manifest
// if it is a proven one, or nothing.
func onlyFile(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := name
	if strings.HasSuffix(name, ".dump") { // proven: an unproven one has another ending
		want += " " + name + ManifestSuffix
	}
	if strings.Join(names, " ") != want {
		t.Errorf("%s holds %q, want %q", dir, names, want)
	}
}
