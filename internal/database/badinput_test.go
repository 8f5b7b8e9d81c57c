package database

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

func TestBackupRefuses(t *testing.T) {
	super := func(t *testing.T, url, sql string) string {
		a, err := ParseURL(url)
		if err != nil {
			t.Fatal(err)
		}
		exec1(t, pg.admin(a.Database), strings.ReplaceAll(sql, "{me}", a.User))
		return url
	}
	for _, c := range []struct {
		name  string
		url   func(t *testing.T) string
		kind  Kind
		words []string
	}{
		{"nothing listens", func(t *testing.T) string { return "postgres://u:s3cret@127.0.0.1:1/db" }, Unreachable, []string{"connect to db at 127.0.0.1:1", "nothing answers", "refused"}},
		{"unknown host", func(t *testing.T) string { return "postgres://u:s3cret@nowhere.invalid/db" }, Unreachable, []string{"nowhere.invalid"}},
		{"wrong password", func(t *testing.T) string {
			return strings.Replace(newDatabase(t), ":pw-", ":not-pw-", 1)
		}, Denied, []string{"wrong password"}},
		{"no such user", func(t *testing.T) string { return pg.url("nobody", "s3cret", "postgres") }, Denied, []string{"no such user"}},
		{"no such database", func(t *testing.T) string { return pg.admin("absent") }, NoDatabase, []string{`"absent" does not exist`}},
		{"TLS not offered", func(t *testing.T) string {
			return strings.Replace(pg.admin("postgres"), "disable", "require", 1)
		}, Unreachable, []string{"sslmode"}},
		{"no right to create databases", func(t *testing.T) string {
			return super(t, newDatabase(t), "ALTER ROLE {me} NOCREATEDB")
		}, Refused, []string{"scratch database", "CREATEDB"}},
		{"row security", func(t *testing.T) string {
			return super(t, newDatabase(t), `CREATE TABLE hidden (id int); GRANT SELECT ON hidden TO {me}; ALTER TABLE hidden ENABLE ROW LEVEL SECURITY`)
		}, Refused, []string{"row security", "hidden", "BYPASSRLS"}},
		{"a table it may not read", func(t *testing.T) string {
			return super(t, newDatabase(t), `CREATE TABLE "Secret" (id serial)`)
		}, Refused, []string{`"Secret"`, "may not read"}},
		{"an extension for superusers", func(t *testing.T) string {
			return super(t, newDatabase(t), `CREATE EXTENSION pageinspect`)
		}, Refused, []string{"pageinspect", "superuser"}},
		{"an event trigger", func(t *testing.T) string {
			return super(t, newDatabase(t), `CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER watched ON ddl_command_end EXECUTE FUNCTION e()`)
		}, Refused, []string{"watched"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			b, err := TakeBackup(within(t, 20*time.Second), BackupOptions{URL: c.url(t), Dir: dir, Tools: pg.bin})
			wantError(t, err, c.kind, c.words...)
			if b.Verified {
				t.Error("verified")
			}
			onlyFile(t, dir, "")
		})
	}
}

// wrapped makes a folder of tools in which pg_dump is a shell script.
func wrapped(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(pg.bin, "pg_restore"), filepath.Join(dir, "pg_restore")); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("#!/bin/sh\nreal=%s/pg_dump\n%s\n", pg.bin, script)
	if err := os.WriteFile(filepath.Join(dir, "pg_dump"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOldClient(t *testing.T) {
	dir := wrapped(t, `echo "pg_dump (PostgreSQL) 12.22 (Debian 12.22-1)"`)
	_, err := TakeBackup(t.Context(), BackupOptions{URL: newDatabase(t), Dir: t.TempDir(), Tools: dir})
	wantError(t, err, OldClient, "pg_dump is 12.22", "postgresql-client-")
}

func TestNoClient(t *testing.T) {
	_, err := TakeBackup(t.Context(), BackupOptions{URL: newDatabase(t), Dir: t.TempDir(), Tools: t.TempDir()})
	wantError(t, err, NoTools, "pg_dump is not there")
}

// Everybody on the machine can read a process's arguments, and the same user
// its environment.
func TestPasswordIsNotInArgumentsOrEnvironment(t *testing.T) {
	record := filepath.Join(t.TempDir(), "seen")
	dir := wrapped(t, `[ "$1" = --version ] || { echo "$@"; env; } > `+record+`; exec "$real" "$@"`)
	t.Setenv("PGPASSWORD", "of the shell")
	t.Setenv("PGHOST", "elsewhere.invalid")
	if _, err := TakeBackup(t.Context(), BackupOptions{URL: newDatabase(t), Dir: t.TempDir(), Tools: dir}); err != nil {
		t.Fatal(err)
	}
	seen, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(seen), "pw-t") || !strings.Contains(string(seen), "PGPASSFILE=") {
		t.Errorf("%s", seen)
	}
	if strings.Contains(string(seen), "of the shell") || strings.Contains(string(seen), "elsewhere") {
		t.Errorf("the shell's settings pass: %s", seen)
	}
	for _, line := range strings.Split(string(seen), "\n") {
		if path, ok := strings.CutPrefix(line, "PGPASSFILE="); ok {
			// It never had a name, and what has its number now is something else.
			if to, _ := os.Readlink(path); !strings.HasPrefix(path, "/proc/") || strings.Contains(to, "slipway-") {
				t.Errorf("the password file is still there: %s is %s", path, to)
			}
		}
	}
}

func TestDiskFullWhileDumping(t *testing.T) {
	url := newDatabase(t, `CREATE TABLE big AS SELECT i, md5(i::text) || md5((i + 1)::text) AS noise FROM generate_series(1, 40000) i`)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatal("a file system of 256 KiB is needed, and root to mount it: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	b, err := TakeBackup(t.Context(), BackupOptions{URL: url, Dir: dir, Tools: pg.bin})
	wantError(t, err, DiskFull, "no space left in "+dir, "free")
	if b.Verified || b.Path != "" {
		t.Errorf("%+v", b)
	}
	onlyFile(t, dir, "")
	if left := scratchDatabases(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := TakeBackup(t.Context(), BackupOptions{URL: newDatabase(t), Dir: filepath.Join(file, "backups"), Tools: pg.bin})
	wantError(t, err, Failed, "not a directory")
}

func TestTableLockedBySomebodyElse(t *testing.T) {
	url := newDatabase(t, `CREATE TABLE busy (id int)`)
	conn := open(t, url+"&application_name=altering")
	if _, err := conn.PgConn().Exec(t.Context(), `BEGIN; ALTER TABLE busy ADD COLUMN x int`).ReadAll(); err != nil {
		t.Fatal(err)
	}
	_, err := TakeBackup(t.Context(), BackupOptions{URL: url, Dir: t.TempDir(), Tools: pg.bin, LockTimeout: 200 * time.Millisecond})
	wantError(t, err, Held, "busy by altering")
}

// A cancelled run leaves no file, no scratch database and no session behind,
// wherever it was.
func TestCancel(t *testing.T) {
	url := newDatabase(t, `CREATE TABLE big AS SELECT i, md5(i::text) AS noise FROM generate_series(1, 200000) i`, `CREATE INDEX ON big (noise)`)
	for _, at := range []string{"dumping", "counted", "restoring", "compared"} {
		t.Run(at, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			dir := t.TempDir()
			reached := false
			b, err := TakeBackup(ctx, BackupOptions{URL: url, Dir: dir, Tools: pg.bin, Progress: func(s string) {
				if strings.HasPrefix(s, at) {
					reached = true
					cancel()
				}
			}})
			if !reached {
				t.Fatal("never got there")
			}
			if b.Verified && err == nil {
				if at != "compared" { // the last word: it may be done already
					t.Fatal("went on")
				}
				return
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			onlyFile(t, dir, "")
			if left := scratchDatabases(t); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			sessions := `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'slipway' AND state <> 'idle' AND pid <> pg_backend_pid()`
			for deadline := time.Now().Add(5 * time.Second); ask[int](t, pg.admin("postgres"), sessions) > 0; time.Sleep(50 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("sessions go on")
				}
			}
		})
	}
}

// Whoever is killed in the middle of a long count says no goodbye.
func TestKilledReaderHoldsNoLock(t *testing.T) {
	url := newDatabase(t, `CREATE TABLE big (id int)`)
	a, err := ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := connect(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	wire := reader.PgConn().Conn()
	reader.PgConn().Frontend().SendQuery(&pgproto3.Query{String: `BEGIN; LOCK TABLE public.big; SELECT pg_sleep(600)`})
	if err := reader.PgConn().Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
	look := fmt.Sprintf(`SELECT coalesce(state, ''), coalesce(wait_event, '') FROM pg_stat_activity WHERE pid = %d`, reader.PgConn().PID())
	watcher := open(t, pg.admin("postgres"))
	for state, waits := "", ""; waits != "PgSleep"; time.Sleep(20 * time.Millisecond) {
		if err := watcher.QueryRow(t.Context(), look).Scan(&state, &waits); err != nil || strings.Contains(state, "aborted") {
			t.Fatalf("it never slept: %s %v", state, err)
		}
	}
	if err := wire.Close(); err != nil {
		t.Fatal(err)
	}
	exec1(t, url, `BEGIN; SET LOCAL lock_timeout = '1min'; LOCK TABLE big; COMMIT`)
}

func TestServerGoesAwayWhileDumping(t *testing.T) {
	url := newDatabase(t, `CREATE TABLE big AS SELECT i, md5(i::text) AS noise FROM generate_series(1, 300000) i`)
	a, err := ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	_, err = TakeBackup(t.Context(), BackupOptions{URL: url, Dir: dir, Tools: pg.bin, Progress: func(s string) {
		if strings.HasPrefix(s, "dumping") {
			exec1(t, pg.admin("postgres"), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '`+a.Database+`'`)
		}
	}})
	wantError(t, err, Unreachable)
	onlyFile(t, dir, "")
}

func TestReapsWhatKilledRunsLeft(t *testing.T) {
	old := fmt.Sprintf("%s%d_00000001", scratchPrefix, time.Now().Add(-2*time.Hour).Unix())
	young := fmt.Sprintf("%s%d_00000002", scratchPrefix, time.Now().Unix())
	used := fmt.Sprintf("%s%d_00000003", scratchPrefix, time.Now().Add(-3*time.Hour).Unix())
	foreign := "slipway_verify_mine"
	// One died before it had marked what it made; of others only the name fits.
	unmarked := fmt.Sprintf("%s%d_00000004", scratchPrefix, time.Now().Add(-2*time.Hour).Unix())
	persons := fmt.Sprintf("%s%d_00000005", scratchPrefix, time.Now().Add(-2*time.Hour).Unix())
	renamed := fmt.Sprintf("%s%d_00000006", scratchPrefix, time.Now().Add(-2*time.Hour).Unix())
	for _, name := range []string{old, young, used, foreign, unmarked, persons, renamed} {
		sql := "CREATE DATABASE " + name
		if name == unmarked {
			sql += fmt.Sprintf(" CONNECTION LIMIT %d", markingLimit(name))
		}
		exec1(t, pg.admin("postgres"), sql)
		switch name {
		case old, young, used:
			exec1(t, pg.admin("postgres"), "COMMENT ON DATABASE "+name+" IS "+literal(scratchMark(name)))
		case renamed:
			exec1(t, pg.admin("postgres"), "COMMENT ON DATABASE "+name+" IS "+literal(scratchMark(old)))
		}
		t.Cleanup(func() {
			conn := openContext(t, context.Background(), pg.admin("postgres"))
			defer hangUp(conn)
			if _, err := conn.Exec(context.Background(), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
				t.Error(err)
			}
		})
	}
	open(t, pg.admin(used))
	dir := t.TempDir()
	stale := filepath.Join(dir, "x-20200101T000000Z-0000.dump"+partialSuffix)
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(stale, time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	said := ""
	b, err := TakeBackup(t.Context(), BackupOptions{URL: pg.admin("postgres"), Dir: dir, Tools: pg.bin, Progress: func(m string) { said += m + "\n" }})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said, persons+", "+renamed+" are named like those that slipway makes") {
		t.Errorf("said of what only has such a name: %s", said)
	}
	onlyFile(t, dir, filepath.Base(b.Path))
	left := strings.Join(scratchDatabases(t), " ")
	for _, name := range []string{old, unmarked} {
		if strings.Contains(left, name) {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range []string{young, used, foreign, persons, renamed} {
		if !strings.Contains(left, name) {
			t.Errorf("%s is gone", name)
		}
	}
}

// The scratch database needs as much room on the server as the original has.
func TestServersDiskFullWhileRestoring(t *testing.T) {
	url := newDatabase(t, `CREATE TABLE big AS SELECT i, repeat(md5(i::text), 3) AS noise FROM generate_series(1, 100000) i`)
	a, err := ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	space := filepath.Join(pg.dir, "space")
	if err := os.Mkdir(space, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", space, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatal("a file system of 4 MiB is needed, and root to mount it: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(space, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	uid, gid, err := postgresUser()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(space, uid, gid); err != nil {
		t.Fatal(err)
	}
	exec1(t, pg.admin("postgres"), `CREATE TABLESPACE tiny LOCATION '`+space+`'`)
	exec1(t, pg.admin("postgres"), `GRANT CREATE ON TABLESPACE tiny TO `+a.User+`; ALTER ROLE `+a.User+` SET default_tablespace = tiny`)
	t.Cleanup(func() {
		conn := openContext(t, context.Background(), pg.admin("postgres"))
		defer hangUp(conn)
		if _, err := conn.PgConn().Exec(context.Background(), `DROP TABLESPACE tiny`).ReadAll(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	_, err = TakeBackup(t.Context(), BackupOptions{URL: url, Dir: dir, Tools: pg.bin})
	wantError(t, err, DiskFull, "the database server's disk is full", "scratch database needs as much")
	onlyFile(t, dir, "")
	if left := scratchDatabases(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
