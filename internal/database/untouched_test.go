package database

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestUntouched: what a release or a migrator notes, and rows that people write,
// leave a database untouched; any part of a migration does not.
func TestUntouched(t *testing.T) {
	t.Parallel()
	journal := `CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)`
	row := `INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('a', 1)`
	for name, tt := range map[string]struct {
		before, since string
		want          bool
	}{
		"nothing happened":               {"", "SELECT 1", true},
		"rows were written":              {"", `INSERT INTO orders (item) VALUES ('new')`, true},
		"the migrator made its table":    {"", journal, true},
		"another was applied before":     {journal + ";" + row, `INSERT INTO orders (item) VALUES ('new')`, true},
		"a column was added":             {"", `ALTER TABLE orders ADD COLUMN colour text`, false},
		"a column was dropped":           {"", `ALTER TABLE orders DROP COLUMN at`, false},
		"a migration of rows is noted":   {"", journal + ";" + row, false},
		"another migration is noted":     {journal + ";" + row, `INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('b', 2)`, false},
		"what was noted is another":      {journal + ";" + row, `UPDATE drizzle.__drizzle_migrations SET hash = 'b'`, false},
		"the journal is not there again": {journal + ";" + row, `DROP SCHEMA drizzle CASCADE`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := newDatabase(t, `CREATE TABLE orders (id serial PRIMARY KEY, item text NOT NULL, at timestamptz DEFAULT now()); CREATE TABLE work (run bigint)`)
			if tt.before != "" {
				exec1(t, url, tt.before)
			}
			b, err := backup(t, url)
			if err != nil {
				t.Fatal(err)
			}
			if err := fenced(t, url, 7); err != nil {
				t.Fatal(err)
			}
			exec1(t, url, tt.since)
			got, err := Untouched(t.Context(), RestoreOptions{URL: url, Dump: b.Path, Fence: 8}, "")
			if err != nil || got != tt.want {
				t.Errorf("%t, %v", got, err)
			}
			if err := fenced(t, url, 7); err == nil {
				t.Error("the run that was overtaken may still migrate")
			}
		})
	}
}

// TestUntouchedBehindAKilledMigrator: its statement works on, and is taken back.
func TestUntouchedBehindAKilledMigrator(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, `CREATE TABLE orders (item text)`)
	b, err := backup(t, url)
	if err != nil {
		t.Fatal(err)
	}
	migrator := exec.CommandContext(t.Context(), "psql", url, "--single-transaction", "--command", `ALTER TABLE orders ADD COLUMN colour text; SELECT pg_sleep(600)`)
	migrator.Env = append(os.Environ(), MigratorName)
	if err := migrator.Start(); err != nil {
		t.Fatal(err)
	}
	for ask[int](t, url, `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`) == 0 {
		time.Sleep(50 * time.Millisecond)
	}
	if err := migrator.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = migrator.Wait()
	if got, err := Untouched(t.Context(), RestoreOptions{URL: url, Dump: b.Path, Fence: 8}, ""); err != nil || !got {
		t.Errorf("%t, %v", got, err)
	}
}

// TestUntouchedCannotTell: of another database's backup, and behind a later run.
func TestUntouchedCannotTell(t *testing.T) {
	t.Parallel()
	url := newDatabase(t, `CREATE TABLE work (run bigint)`)
	b, err := backup(t, url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Untouched(t.Context(), RestoreOptions{URL: newDatabase(t), Dump: b.Path}, ""); err == nil {
		t.Error("another database is compared with it")
	}
	if err := fenced(t, url, 9); err != nil {
		t.Fatal(err)
	}
	if _, err := Untouched(t.Context(), RestoreOptions{URL: url, Dump: b.Path, Fence: 8}, ""); err == nil {
		t.Error("a later run is at it")
	}
}
