package database

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// folder writes a Drizzle folder with these migrations, a second apart.
func folder(t *testing.T, migrations ...string) string {
	t.Helper()
	dir := t.TempDir()
	writeMigrations(t, dir, migrations...)
	return dir
}

func writeMigrations(t *testing.T, dir string, migrations ...string) {
	t.Helper()
	type entry struct {
		Idx  int    `json:"idx"`
		When int64  `json:"when"`
		Tag  string `json:"tag"`
	}
	journal := map[string]any{"version": "7", "dialect": "postgresql"}
	entries := []entry{}
	for i, sql := range migrations {
		e := entry{i, 1700000000000 + int64(i)*1000, fmt.Sprintf("%04d_step", i)}
		entries = append(entries, e)
		if err := os.WriteFile(filepath.Join(dir, e.Tag+".sql"), []byte(sql), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	journal["entries"] = entries
	content, err := json.Marshal(journal)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "meta"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "meta", "_journal.json"), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// drizzle does to a database what drizzle-orm's migrator does, statement by
// statement: journal table first, then all that is pending in one transaction.
func drizzle(url, dir string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		files, err := ReadMigrations(dir)
		if err != nil {
			return "", err
		}
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return "", err
		}
		defer hangUp(conn)
		_, err = conn.PgConn().Exec(ctx, `CREATE SCHEMA IF NOT EXISTS drizzle; CREATE TABLE IF NOT EXISTS drizzle.__drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint)`).ReadAll()
		if err != nil {
			return "", err
		}
		var last int64
		if err := conn.QueryRow(ctx, `SELECT coalesce(max(created_at), 0) FROM drizzle.__drizzle_migrations`).Scan(&last); err != nil {
			return "", err
		}
		return "ran", pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			for _, f := range files {
				if f.When <= last {
					continue
				}
				for statement := range strings.SplitSeq(f.SQL, "--> statement-breakpoint") {
					if _, err := tx.Exec(ctx, statement); err != nil {
						return err
					}
				}
				if _, err := tx.Exec(ctx, `INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ($1, $2)`, f.Hash, f.When); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

const (
	makeUsers = "CREATE TABLE users (id serial PRIMARY KEY, mail text);\n--> statement-breakpoint\nCREATE INDEX by_mail ON users (mail);"
	addAge    = "ALTER TABLE users ADD COLUMN age int;"
)

func TestMigrate(t *testing.T) {
	url, dir := newDatabase(t), folder(t, makeUsers, addAge)
	p, err := Pending(t.Context(), url, dir, "")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(makeUsers))
	if len(p.Pending) != 2 || p.Pending[0].SQL != makeUsers || p.Pending[0].Hash != hex.EncodeToString(sum[:]) || p.Applied != 0 || len(p.Drift) != 0 {
		t.Errorf("%+v", p)
	}
	m, err := Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: drizzle(url, dir)})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Applied, []string{"0000_step", "0001_step"}) || m.AsBefore || m.Output != "ran" || !slices.Contains(m.Changes, "+ table column public.users.age") {
		t.Errorf("%+v", m)
	}
	if p, err = Pending(t.Context(), url, dir, DefaultJournal); err != nil || len(p.Pending) != 0 || p.Applied != 2 || len(p.Drift) != 0 {
		t.Errorf("%+v %v", p, err)
	}
	// Nothing pending: the command is not run at all.
	m, err = Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: func(context.Context) (string, error) { panic("ran") }})
	if err != nil || !m.AsBefore || len(m.Applied) != 0 {
		t.Errorf("%+v %v", m, err)
	}
	writeMigrations(t, dir, makeUsers, addAge, "DROP INDEX by_mail;")
	m, err = Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: drizzle(url, dir)})
	if err != nil || !slices.Equal(m.Applied, []string{"0002_step"}) || !slices.Equal(m.Changes, []string{"- index public.by_mail"}) {
		t.Errorf("%+v %v", m, err)
	}
}

// The bad input of the issue: half of it would go through, none of it may stay.
func TestMigrationThatFailsHalfWay(t *testing.T) {
	url, dir := newDatabase(t), folder(t, makeUsers)
	if _, err := Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: drizzle(url, dir)}); err != nil {
		t.Fatal(err)
	}
	exec1(t, url, `INSERT INTO users (mail) VALUES ('a'), ('a')`)
	before, err := Fingerprint(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	writeMigrations(t, dir, makeUsers, addAge, "UPDATE users SET mail = 'gone';\n--> statement-breakpoint\nCREATE UNIQUE INDEX one_mail ON users (mail);")
	m, err := Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: drizzle(url, dir)})
	wantError(t, err, Migration, "could not create unique index", "the schema is as before")
	if !m.AsBefore || len(m.Changes) != 0 || len(m.Applied) != 0 || len(m.Plan.Pending) != 2 {
		t.Errorf("%+v", m)
	}
	after, err := Fingerprint(t.Context(), url)
	if err != nil || after.Digest != before.Digest {
		t.Errorf("changed: %v %v", before.Changes(after), err)
	}
	if n := ask[int](t, url, `SELECT count(*) FROM users WHERE mail = 'a'`); n != 2 {
		t.Errorf("%d rows as before, want 2", n)
	}
	// And it goes through once it is mended.
	writeMigrations(t, dir, makeUsers, addAge, "CREATE UNIQUE INDEX one_mail ON users (id, mail);")
	if _, err = Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: drizzle(url, dir)}); err != nil {
		t.Error(err)
	}
}

// The migrations of the sample platform, as large as real ones get, and a
// backup of what they make.
func TestSamplePlatform(t *testing.T) {
	url, dir := newDatabase(t), filepath.Join("..", "..", "testenv", "platform", "packages", "shared-schema", "migrations")
	m, err := Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: drizzle(url, dir)})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Applied) < 8 || len(m.Applied) != len(m.Plan.Pending) {
		t.Errorf("applied %v", m.Applied)
	}
	b, err := backup(t, url)
	if err != nil || !b.Verified || len(b.Tables) < 14 {
		t.Errorf("%+v: %v", b, err)
	}
}

// A migrator without transactions leaves a half behind: that is said.
func TestFailureThatLeavesSomething(t *testing.T) {
	url, dir := newDatabase(t), folder(t, makeUsers)
	m, err := Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: func(ctx context.Context) (string, error) {
		exec1(t, url, makeUsers)
		return "boom", errors.New("exit status 1")
	}})
	wantError(t, err, Migration, "exit status 1", "NOT as before", "+ index public.by_mail")
	if m.AsBefore || m.Output != "boom" {
		t.Errorf("%+v", m)
	}
}

// The command is gone, its session is not: it commits a second later. To look
// at once would call the database untouched.
func TestCommandThatLeavesASessionBehind(t *testing.T) {
	url, dir := newDatabase(t, `CREATE TABLE users (id int)`), folder(t, addAge)
	leave := func(ctx context.Context) (string, error) {
		conn := open(t, url)
		if _, err := conn.PgConn().Exec(ctx, `BEGIN; ALTER TABLE users ADD COLUMN late int`).ReadAll(); err != nil {
			return "", err
		}
		go func() {
			time.Sleep(time.Second)
			_, _ = conn.PgConn().Exec(context.Background(), `COMMIT`).ReadAll() // its outcome is what the test looks at
		}()
		return "", errors.New("killed")
	}
	m, err := Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: leave})
	wantError(t, err, Migration, "NOT as before", "+ table column public.users.late")
	if m.AsBefore {
		t.Error("as before")
	}

	hold := func(ctx context.Context) (string, error) {
		conn := open(t, url)
		_, err := conn.PgConn().Exec(ctx, `BEGIN; ALTER TABLE users ADD COLUMN later int`).ReadAll()
		return "", errors.Join(errors.New("killed"), err)
	}
	m, err = Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: hold, Patience: 200 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "not known") || !strings.Contains(err.Error(), "users by") || m.AsBefore {
		t.Errorf("%v, %+v", err, m)
	}
}

func TestCancelledMigration(t *testing.T) {
	url, dir := newDatabase(t), folder(t, "CREATE TABLE slow AS SELECT pg_sleep(600)::text;")
	ctx, cancel := context.WithCancel(t.Context())
	var began time.Time
	m, err := Migrate(ctx, MigrateOptions{URL: url, Dir: dir, Run: func(ctx context.Context) (string, error) {
		time.AfterFunc(500*time.Millisecond, func() { began = time.Now(); cancel() })
		return drizzle(url, dir)(ctx)
	}})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "schema") {
		t.Errorf("%v", err)
	}
	// The migrator made its journal table, in a transaction of its own; that does not count.
	if !m.AsBefore || len(m.Changes) > 0 {
		t.Errorf("%+v", m.Changes)
	}
	if took := time.Since(began); took > 5*time.Minute {
		t.Errorf("took %s", took)
	}
}

func TestCommandThatDoesNothing(t *testing.T) {
	url, dir := newDatabase(t), folder(t, makeUsers)
	_, err := Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: func(context.Context) (string, error) { return "", nil }})
	wantError(t, err, Migration, "1 migration still pending: 0000_step")
}

func TestOneMigrationAtATime(t *testing.T) {
	url, dir := newDatabase(t), folder(t, makeUsers)
	inside, leave, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		_, err := Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Holder: "run 9120", Run: func(ctx context.Context) (string, error) {
			close(inside)
			<-leave
			return drizzle(url, dir)(ctx)
		}})
		done <- err
	}()
	<-inside
	_, err := Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: func(context.Context) (string, error) { panic("two at a time") }})
	wantError(t, err, Held, "another migration is running: run 9120 as t")
	var held *HeldError
	if !errors.As(err, &held) || time.Since(held.Since) > time.Minute {
		t.Errorf("%+v", held)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err = Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: drizzle(url, dir)}); err != nil {
		t.Error(err)
	}
}

func TestDrift(t *testing.T) {
	url, dir := newDatabase(t), folder(t, makeUsers, addAge)
	if _, err := Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: drizzle(url, dir)}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		change     func()
	}{
		{"changed", "0000_step: its file was changed after it was applied", func() { writeMigrations(t, dir, makeUsers+"\n", addAge) }},
		{"gone", "it was applied and is not in the folder", func() { writeMigrations(t, dir, makeUsers) }},
		{"never applied", "0000_step: it was never applied and never will be", func() {
			writeMigrations(t, dir, makeUsers, addAge)
			exec1(t, url, `DELETE FROM drizzle.__drizzle_migrations WHERE created_at = 1700000000000`)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.change()
			p, err := Pending(t.Context(), url, dir, "")
			if err != nil || len(p.Drift) != 1 || len(p.Pending) != 0 {
				t.Errorf("%+v %v", p, err)
			}
			_, err = Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: func(context.Context) (string, error) { panic("ran") }})
			wantError(t, err, Drifted, c.want)
		})
	}
}

func TestMigrationsThatCannotBeRead(t *testing.T) {
	url := newDatabase(t)
	empty := t.TempDir()
	lacking := folder(t, makeUsers)
	if err := os.Remove(filepath.Join(lacking, "0000_step.sql")); err != nil {
		t.Fatal(err)
	}
	for dir, says := range map[string]string{empty: "_journal.json", lacking: "0000_step.sql"} {
		_, err := Pending(t.Context(), url, dir, "")
		wantError(t, err, Failed, says)
	}
	other := folder(t, makeUsers)
	_, err := Pending(t.Context(), "postgres://u:s3cret@127.0.0.1:1/d", other, "")
	wantError(t, err, Unreachable)
	if err := os.WriteFile(filepath.Join(other, "meta", "_journal.json"), []byte(`{"dialect":"mysql","entries":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Pending(t.Context(), url, other, "")
	wantError(t, err, Failed, "mysql")
}

// Whatever the journal says, no file outside the folder is named.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"version":"7","dialect":"postgresql","entries":[{"idx":0,"version":"7","when":1700000000000,"tag":"0000_a","breakpoints":true}]}`))
	f.Add([]byte(`{"entries":[{"when":1,"tag":"../../etc/passwd"}]}`))
	f.Add([]byte(`{"entries":null}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		files, err := parseJournal(content)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, m := range files {
			path := filepath.Join("/migrations", m.Name+".sql")
			if filepath.Dir(path) != "/migrations" || m.When <= 0 || seen[m.Name] {
				t.Errorf("%q at %d", m.Name, m.When)
			}
			seen[m.Name] = true
		}
		plan(files, []record{{"x", 5}, {"", 7}})
	})
}

// A server does not notice that a client was killed while a statement runs.
func TestMigrateEndsWhatAKilledMigratorLeft(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	dir := folder(t, `CREATE TABLE whole (id int)`)
	killed := exec.CommandContext(t.Context(), "psql", url, "--command", `CREATE TABLE whole (id int); SELECT pg_sleep(600)`, "--single-transaction")
	killed.Env = append(os.Environ(), MigratorName)
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	sleeping := `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`
	for ask[int](t, url, sleeping) == 0 {
		time.Sleep(50 * time.Millisecond)
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	if ask[int](t, url, sleeping) != 1 {
		t.Fatal("the server noticed by itself")
	}
	var said []string
	m, err := Migrate(t.Context(), MigrateOptions{URL: url, Dir: dir, Run: drizzle(url, dir), Progress: func(s string) { said = append(said, s) }})
	if err != nil || len(m.Applied) != 1 {
		t.Fatalf("%+v, %v", m, err)
	}
	if !slices.Contains(said, "ending 1 session of a migration that was killed") {
		t.Errorf("said %q", said)
	}
}
