package database

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// taken is a dump that has not been verified yet, and what it must hold.
func taken(t *testing.T, url string) (a Address, tl tools, path string, want contents, later map[string]sequence) {
	t.Helper()
	a, err := ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	if tl, err = findTools(t.Context(), pg.bin); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "dump")
	o := BackupOptions{Jobs: 1, LockTimeout: time.Second, Progress: func(string) {}}
	m, err := o.take(t.Context(), a, tl, path)
	if err != nil {
		t.Fatal(err)
	}
	return a, tl, path, m.contents(), m.Later
}

func TestCorruptedDumpIsNotABackup(t *testing.T) {
	url := newDatabase(t, `CREATE TABLE big AS SELECT i, md5(i::text) AS noise FROM generate_series(1, 5000) i`)
	a, tl, path, want, later := taken(t, url)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(b []byte) []byte{
		"flipped byte in the rows":  func(b []byte) []byte { b[len(b)/2] ^= 0xff; return b },
		"flipped byte near the end": func(b []byte) []byte { b[len(b)-2000] ^= 0x01; return b },
		"cut in half":               func(b []byte) []byte { return b[:len(b)/2] },
		"empty":                     func(b []byte) []byte { return nil },
		"not a dump":                func(b []byte) []byte { return []byte(strings.Repeat("hello", 1000)) },
	} {
		t.Run(name, func(t *testing.T) {
			bad := filepath.Join(t.TempDir(), "dump")
			if err := os.WriteFile(bad, damage(append([]byte(nil), good...)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := verify(t.Context(), a, tl, 2, bad, want, later, func(string) {})
			wantError(t, err, Unproven)
		})
	}
	if _, err := verify(t.Context(), a, tl, 2, path, want, later, func(string) {}); err != nil {
		t.Errorf("the good one: %v", err)
	}
	if left := scratchDatabases(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A dump that restores without any error and yet is not what was in the
// database: here pg_dump is told to leave something out.
func TestDumpThatLacksSomething(t *testing.T) {
	url := newDatabase(t, `CREATE TABLE a (id serial PRIMARY KEY, v text); INSERT INTO a (v) SELECT 'x' FROM generate_series(1, 9)`, `CREATE TABLE b AS SELECT 1 AS one`, `CREATE INDEX by_v ON a (v)`)
	for _, c := range []struct{ option, says string }{
		{"--exclude-table-data=a", `"public"."a" has 9 rows, restored it has 0`},
		{"--exclude-table=b", `"public"."b" is missing`},
		{"--section=pre-data --section=data", "2 indexes missing"},
	} {
		t.Run(c.option, func(t *testing.T) {
			dir := t.TempDir()
			b, err := TakeBackup(t.Context(), BackupOptions{URL: url, Dir: dir, Tools: wrapped(t, `[ "$1" = --version ] || set -- "$@" `+c.option+`; exec "$real" "$@"`)})
			wantError(t, err, Unproven, "restored dump is not the database", c.says)
			if b.Verified || !strings.HasSuffix(b.Path, unverifiedSuffix) {
				t.Errorf("%+v", b)
			}
			onlyFile(t, dir, filepath.Base(b.Path))
		})
	}
}

// A definition that cannot be restored: the function needs a search_path that a
// restore does not have. People find this out on the day they need the dump.
func TestDumpThatDoesNotRestore(t *testing.T) {
	url := newDatabase(t, `CREATE TABLE limits (most int); INSERT INTO limits VALUES (10)`,
		`CREATE FUNCTION fits(i int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN i <= (SELECT most FROM limits); END'`,
		`CREATE TABLE items (n int CHECK (fits(n))); INSERT INTO items VALUES (3)`)
	dir := t.TempDir()
	b, err := TakeBackup(t.Context(), BackupOptions{URL: url, Dir: dir, Tools: pg.bin})
	wantError(t, err, Unproven, "restore the backup", `"limits" does not exist`)
	onlyFile(t, dir, filepath.Base(b.Path))
}

func TestStaleMaterializedViewIsARemark(t *testing.T) {
	url := newDatabase(t, `CREATE TABLE n (i int)`, `CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM n`, `INSERT INTO n VALUES (1)`)
	b, err := backup(t, url)
	if err != nil || !b.Verified {
		t.Fatal(err)
	}
	if len(b.Remarks) != 1 || !strings.Contains(b.Remarks[0], `"counted" is stale`) {
		t.Errorf("%q", b.Remarks)
	}
}

// While others write, the counts must be those of one moment: every transaction
// adds a row to both tables, so they always hold the same number.
func TestConcurrentWrites(t *testing.T) {
	url := newDatabase(t, `CREATE TABLE l (id serial PRIMARY KEY, v text)`, `CREATE TABLE r (id bigint GENERATED ALWAYS AS IDENTITY, v text)`,
		`INSERT INTO l (v) SELECT md5(i::text) FROM generate_series(1, 50000) i`, `INSERT INTO r (v) SELECT md5(i::text) FROM generate_series(1, 50000) i`)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for writer := range 3 {
		conn := open(t, url)
		writers.Go(func() {
			for ctx.Err() == nil {
				_, err := conn.PgConn().Exec(ctx, fmt.Sprintf(`BEGIN; INSERT INTO l (v) VALUES ('new'); UPDATE l SET v = v || 'x' WHERE id %% 1000 = %d; INSERT INTO r (v) VALUES ('new'); COMMIT`, writer)).ReadAll()
				if err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	defer writers.Wait()
	defer stop()
	for range 2 {
		b, err := backup(t, url)
		if err != nil {
			t.Fatal(err)
		}
		if b.Tables[0].Rows != b.Tables[1].Rows || b.Tables[0].Rows < 50000 {
			t.Errorf("not one moment: %+v", b.Tables)
		}
	}
	if now := ask[int64](t, url, `SELECT count(*) FROM l`); now <= 50000 {
		t.Error("nobody wrote meanwhile")
	}
}

// A scratch database in another encoding or locale would sort, compare and even
// store other things than the original.
func TestScratchHasTheSameLocale(t *testing.T) {
	for i, options := range []string{"ENCODING 'LATIN1' LOCALE 'C'", "LOCALE_PROVIDER icu ICU_LOCALE 'de-AT'", "ENCODING 'SQL_ASCII' LOCALE 'C'"} {
		t.Run(options, func(t *testing.T) {
			name := fmt.Sprintf("locale%d", i)
			exec1(t, pg.admin("postgres"), "CREATE DATABASE "+name+" TEMPLATE template0 "+options)
			exec1(t, pg.admin(name), "CREATE TABLE t AS SELECT 'K\u00e4se' COLLATE \"C\" AS v; CREATE UNIQUE INDEX ON t (lower(v))")
			locale := `SELECT format('%s %s %s %s %s', encoding, datcollate, datctype, datlocprovider, coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale')) FROM pg_database d WHERE datname `
			var scratch string
			b, err := TakeBackup(t.Context(), BackupOptions{URL: pg.admin(name), Dir: t.TempDir(), Tools: pg.bin, Progress: func(s string) {
				if strings.HasPrefix(s, "restoring") {
					scratch = ask[string](t, pg.admin("postgres"), locale+`LIKE 'slipway%'`)
				}
			}})
			if err != nil || !b.Verified {
				t.Fatal(err)
			}
			if want := ask[string](t, pg.admin("postgres"), locale+`= '`+name+`'`); scratch != want {
				t.Errorf("scratch has %s, want %s", scratch, want)
			}
		})
	}
}

// Whatever columns and values a table has, it comes back the same; and if one
// value is changed in the original, the comparison sees it.
func TestAnyTableComesBack(t *testing.T) {
	types := []string{"int", "bigint", "numeric", "numeric(20,5)", "float8", "float4", "text", "varchar(40)", "char(5)", "bytea", "bool", "date", "timestamp", "timestamptz", "interval", "uuid", "json", "jsonb", "int[]", "text[]", "point", "inet", "money", "tsvector", "int4range", "bit(3)", "xml"}
	values := map[string]string{"json": `'{"b": 1, "a": [null]}'`, "jsonb": `'{"b": 1}'`, "point": "'(1,2.5)'", "inet": "'10.0.0.0/8'", "money": "'12.34'", "tsvector": "'fat cat'", "int4range": "'[1,9)'", "bit(3)": "B'101'", "xml": "'<a b=\"1\"/>'", "uuid": "gen_random_uuid()", "interval": "'1 mon -3 days 04:05:06.7'"}
	rapid.Check(t, func(r *rapid.T) {
		url := newDatabase(t)
		conn := openContext(t, t.Context(), url)
		defer hangUp(conn)
		ctx := t.Context()
		do := func(sql string, args ...any) {
			if _, err := conn.Exec(ctx, sql, args...); err != nil {
				r.Fatalf("%s: %v", sql, err)
			}
		}
		name := quote("t" + strings.ReplaceAll(rapid.StringOfN(rapid.RuneFrom([]rune("ab \"';-.ü$%\\")), 0, 12, -1).Draw(r, "table"), "\x00", ""))
		columns := rapid.SliceOfN(rapid.SampledFrom(types), 1, 8).Draw(r, "columns")
		var definitions []string
		for i, c := range columns {
			definitions = append(definitions, fmt.Sprintf("c%d %s", i, c))
		}
		do("CREATE TABLE " + name + " (" + strings.Join(definitions, ", ") + ", last text)")
		for range rapid.IntRange(0, 5).Draw(r, "rows") {
			var row []string
			for _, c := range columns {
				v, ok := values[c]
				switch {
				case rapid.IntRange(0, 4).Draw(r, "null") == 0:
					v = "NULL"
				case ok:
				case strings.Contains(c, "int") || strings.Contains(c, "numeric") || strings.Contains(c, "float"):
					v = fmt.Sprint(rapid.Int32().Draw(r, "number"))
					if strings.Contains(c, "[]") {
						v = "ARRAY[NULL, " + v + "]::int[]"
					} else if strings.Contains(c, "float") {
						v = rapid.SampledFrom([]string{"'NaN'", "'-Infinity'", "-0.0", "0.1", "1e-30", v}).Draw(r, "float")
					}
				case c == "bytea":
					v = fmt.Sprintf(`'\x%x'`, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(r, "bytes"))
				case c == "bool":
					v = fmt.Sprint(rapid.Bool().Draw(r, "bool"))
				case strings.HasPrefix(c, "date") || strings.HasPrefix(c, "timestamp"):
					v = rapid.SampledFrom([]string{"'infinity'", "'2024-02-29 23:59:59.999999+02'", "'0044-03-15 BC'", "'1970-01-01'"}).Draw(r, "time")
				case c == "text[]":
					v = "ARRAY[" + literal(clean(rapid.String().Draw(r, "element"))) + ", NULL, '']"
				default:
					v = literal(clean(rapid.StringN(0, 5, -1).Draw(r, "text")))
				}
				row = append(row, v)
			}
			do("INSERT INTO " + name + " VALUES (" + strings.Join(row, ", ") + ", 'x')")
		}
		b, err := TakeBackup(ctx, BackupOptions{URL: url, Dir: t.TempDir(), Tools: pg.bin, Jobs: 1})
		if err != nil {
			r.Fatal(err)
		}
		check := b.Tables[0]
		if check.Rows == 0 {
			return
		}
		do("UPDATE " + name + " SET last = 'y' WHERE ctid = (SELECT min(ctid) FROM " + name + ")")
		a, err := ParseURL(url)
		if err != nil {
			r.Fatal(err)
		}
		pinned, err := connect(ctx, a)
		if err != nil {
			r.Fatal(err)
		}
		defer hangUp(pinned)
		if err := countTable(ctx, pinned, &check); err != nil {
			r.Fatal(err)
		}
		if check.Rows != b.Tables[0].Rows || check.Checksum == b.Tables[0].Checksum {
			r.Fatal("a changed value has the same checksum")
		}
	})
}

func clean(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "") }
