package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/testenv/testenv"
)

// TestRollbackWithDatabase: application and database come back together, what
// is lost is shown before, and without a yes nothing happens.
func TestRollbackWithDatabase(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	c := newCheckout(t, "DATABASE_URL="+url)
	c.write("slipway.yaml", anothersRepository["slipway.yaml"]+"database: {migrate: pnpm db:migrate, migrations: migrations}\n")
	c.write("migrations/meta/_journal.json", `{"version": "7", "dialect": "postgresql", "entries": []}`)
	query(t, url, `CREATE TABLE orders (item text); INSERT INTO orders VALUES ('one'), ('two')`)
	c.release("old")
	backup, err := database.TakeBackup(t.Context(), database.BackupOptions{URL: url, Dir: filepath.Join(c.dir, "backup")})
	if err != nil {
		t.Fatal(err)
	}
	report, err := json.Marshal(map[string]any{"started": time.Now(), "backup": map[string]any{"path": backup.Path, "sha256": backup.SHA256, "tables": 1, "verified": true}})
	if err != nil {
		t.Fatal(err)
	}
	c.write("report.json", string(report))
	c.release("new", "--report", filepath.Join(c.dir, "report.json"))
	other, err := database.TakeBackup(t.Context(), database.BackupOptions{URL: url, Dir: filepath.Join(c.dir, "other")})
	if err != nil {
		t.Fatal(err)
	}
	query(t, url, `ALTER TABLE orders RENAME item TO goods; INSERT INTO orders VALUES ('three')`)

	// A verified backup, and not the one that was taken for this release.
	out := c.slipway(2, "rollback", "--database", other.Path, "--accept-loss")
	for _, want := range []string{"its record names " + backup.Path, backup.SHA256[:12], "--other-backup"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not said:\n%s", want, out)
		}
	}
	if out = c.slipway(2, "rollback", "--database", other.Path, "--other-backup"); !strings.Contains(out, "nobody accepted that") {
		t.Errorf("another backup was asked for, and is refused:\n%s", out)
	}
	out = c.slipway(2, "rollback", "--database", backup.Path)
	if !strings.Contains(out, "an estimate: 1 row inserted, updated or deleted since") || !strings.Contains(out, "--accept-loss") {
		t.Errorf("what would be lost is not said:\n%s", out)
	}
	if c.version() != "new" || query(t, url, `SELECT count(*)::text FROM orders`) != "3" {
		t.Error("without a yes, something happened")
	}
	out = c.slipway(0, "rollback", "--database", c.dir, "--accept-loss") // where the recorded one is found
	kept := databaseName(t, url) + "_replaced_3"
	t.Cleanup(func() { dropKept(url, kept) })
	if !strings.Contains(out, "1 table compared; the one before is kept as "+kept) {
		t.Errorf("the verdict does not say what became of the database:\n%s", out)
	}
	if c.version() != "old" || query(t, url, `SELECT string_agg(item, ' ' ORDER BY item) FROM orders`) != "one two" {
		t.Errorf("version %s runs on %s", c.version(), query(t, url, `SELECT count(*)::text FROM orders`))
	}
	if out = c.slipway(0, "release", "3", "--json"); !strings.Contains(out, "going back to the backup loses writes, an estimate: 1 row") {
		t.Errorf("the record does not say what was lost:\n%s", out)
	}
	// A backup that is none leaves everything as it is.
	if err := os.WriteFile(backup.Path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.slipway(1, "rollback", "--database", backup.Path, "--accept-loss", "--to", "0", "--yes")
	if c.version() != "old" {
		t.Error("a rollback to no backup changed a service")
	}
}

// TestApplyMigrates: the plan shows the migration and what a failure would do,
// apply runs it in the cluster, and the record has it.
func TestApplyMigrates(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	c := newCheckout(t, "DATABASE_URL="+url)
	c.migrates("CREATE TABLE orders (item text)", "")
	c.write("deploy.yaml", strings.ReplaceAll(cancelledManifest, "$version", "one"))
	if out := c.slipway(0, "plan", "--images", "images.json"); !strings.Contains(out, "+ migration 0000_orders") {
		t.Errorf("the plan does not show it:\n%s", out)
	}
	approval := approvalIn(t, filepath.Join(c.dir, "outputs"))
	backup := c.backup(url)
	for target, says := range map[string]string{"staging": "it is of shop in staging", "ENVIRONMENT": "its file is another one"} {
		r := report.Report{Platform: "shop", Target: strings.Replace(target, "ENVIRONMENT", c.environment, 1), Backup: &backup}
		if target == "ENVIRONMENT" {
			changed := backup
			changed.SHA256 = strings.Repeat("0", 64)
			r.Backup = &changed
		}
		if err := r.WriteJSON(filepath.Join(c.dir, "report.json")); err != nil {
			t.Fatal(err)
		}
		if out := c.slipway(2, "apply", "--approval", approval, "--backup", "report.json"); !strings.Contains(out, says) {
			t.Errorf("%s", out)
		}
	}
	if err := (report.Report{Platform: "shop", Target: c.environment, Backup: &backup}).WriteJSON(filepath.Join(c.dir, "report.json")); err != nil {
		t.Fatal(err)
	}
	if out := c.slipway(0, "apply", "--approval", approval, "--backup", "report.json"); !strings.Contains(out, "✓ 1 migration applied") || strings.Contains(out, url) {
		t.Errorf("%s", out)
	}
	if query(t, url, `SELECT count(*)::text FROM orders`) != "0" {
		t.Error("the table is not there")
	}
	if out := c.slipway(0, "release", "1", "--json"); !strings.Contains(out, `"0000_orders"`) || !strings.Contains(out, `"migrator": "postgres:15"`) ||
		!strings.Contains(out, backup.SHA256) || !strings.Contains(out, `"database, again"`) || !strings.Contains(out, `"DATABASE_URL": {`) {
		t.Errorf("the record does not have it:\n%s", out)
	}
}

// migrates gives the platform a migration, and a command that applies it from
// within a pod.
func (c *checkout) migrates(sql, more string) {
	c.Helper()
	sum := sha256.Sum256([]byte(sql))
	migrator := `psql "$DATABASE_URL" --single-transaction --set ON_ERROR_STOP=1 -c 'CREATE SCHEMA drizzle' -c 'CREATE TABLE drizzle.__drizzle_migrations (hash text, created_at bigint)' -c '` +
		sql + `' -c "INSERT INTO drizzle.__drizzle_migrations VALUES (\$\$` + hex.EncodeToString(sum[:]) + `\$\$, 1700000000000)"`
	for name, text := range map[string]string{
		"slipway.yaml": anothersRepository["slipway.yaml"] + "database:\n  migrate: pnpm db:migrate\n  migrations: migrations\n" + more + "  command:\n    - sh\n    - -c\n    - |\n      " + migrator + "\n" +
			"variables: [{name: DATABASE_URL, format: postgres-url}]\n",
		"images.json":                   `{"references": {"migrate": "postgres:15"}}`,
		"migrations/0000_orders.sql":    sql,
		"migrations/meta/_journal.json": `{"version": "7", "dialect": "postgresql", "entries": [{"idx": 0, "when": 1700000000000, "tag": "0000_orders"}]}`,
	} {
		c.write(name, text)
	}
}

// backup takes one of a database, as ci reports it.
func (c *checkout) backup(url string) report.Backup {
	c.Helper()
	b, err := database.TakeBackup(c.Context(), database.BackupOptions{URL: url, Dir: filepath.Join(c.dir, "backup")})
	if err != nil {
		c.Fatal(err)
	}
	return report.Backup{Path: b.Path, SHA256: b.SHA256, Tables: len(b.Tables), Verified: b.Verified, Bytes: b.Bytes}
}

func databaseName(t *testing.T, url string) string {
	t.Helper()
	a, err := database.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return a.Database
}

// query runs a statement and returns the first value of its answer, if it has one.
func query(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if last := results[len(results)-1]; len(last.Rows) > 0 {
		return string(last.Rows[0][0])
	}
	return ""
}

// dropKept removes what the rollback left, when the test's context is over.
func dropKept(url, name string) {
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		return
	}
	_, _ = conn.Exec(context.Background(), "DROP DATABASE "+name)
	_ = conn.Close(context.Background())
}
