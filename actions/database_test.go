package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/testenv/testenv"
)

// TestRollbackWithDatabase: application and database come back together, what
// is lost is shown before, and without a yes nothing happens.
func TestRollbackWithDatabase(t *testing.T) {
	t.Parallel()
	url, environment, namespace, dir := testenv.Database(t), testenv.Environment(t), testenv.Namespace(t), t.TempDir()
	slipway := filepath.Join(dir, "slipway")
	run(t, "..", "go", "build", "-o", slipway, "./actions")
	write := func(name, text string) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		text = strings.NewReplacer("ENVIRONMENT", environment, "NAMESPACE", namespace, "STRATEGY", "RollingUpdate", "READY", "true", "SLOW", "0").Replace(text)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("slipway.yaml", anothersRepository["slipway.yaml"]+"database: {migrate: pnpm db:migrate, migrations: migrations}\n")
	write("images.json", anothersRepository["images.json"])
	write("migrations/meta/_journal.json", `{"version": "7", "dialect": "postgresql", "entries": []}`)
	said := func(want int, args ...string) string {
		t.Helper()
		cmd := exec.Command(slipway, append(args, "--root", dir, "--env", environment)...)
		cmd.Env = append(os.Environ(), "TEST_KUBECONFIG="+testenv.Env(t)["KUBECONFIG"], "DATABASE_URL="+url, "GITHUB_OUTPUT="+filepath.Join(dir, "outputs"))
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Fatalf("%s: exit code %d, want %d\n%s", args, code, want, out)
		}
		return string(out)
	}
	release := func(version string) {
		write("deploy.yaml", strings.ReplaceAll(cancelledManifest, "$version", version))
		said(0, "plan", "--images", "images.json")
		said(0, "apply", "--approval", approvalIn(t, filepath.Join(dir, "outputs")))
	}
	version := func() string {
		return testenv.Kubectl(t, "--namespace", namespace, "get", "deployment", "web", "--output", "jsonpath={.spec.template.spec.containers[0].env[0].value}")
	}
	query(t, url, `CREATE TABLE orders (item text); INSERT INTO orders VALUES ('one'), ('two')`)
	release("old")
	backup, err := database.TakeBackup(t.Context(), database.BackupOptions{URL: url, Dir: filepath.Join(dir, "backup")})
	if err != nil {
		t.Fatal(err)
	}
	release("new")
	query(t, url, `ALTER TABLE orders RENAME item TO goods; INSERT INTO orders VALUES ('three')`)

	out := said(2, "rollback", "--database", backup.Path)
	if !strings.Contains(out, "an estimate: 1 row inserted, updated or deleted since") || !strings.Contains(out, "--accept-loss") {
		t.Errorf("what would be lost is not said:\n%s", out)
	}
	if version() != "new" || query(t, url, `SELECT count(*)::text FROM orders`) != "3" {
		t.Error("without a yes, something happened")
	}
	out = said(0, "rollback", "--database", backup.Path, "--accept-loss")
	kept := databaseName(t, url) + "_replaced_3"
	t.Cleanup(func() { dropKept(url, kept) })
	if !strings.Contains(out, "1 table compared; the one before is kept as "+kept) {
		t.Errorf("the verdict does not say what became of the database:\n%s", out)
	}
	if version() != "old" || query(t, url, `SELECT string_agg(item, ' ' ORDER BY item) FROM orders`) != "one two" {
		t.Errorf("version %s runs on %s", version(), query(t, url, `SELECT count(*)::text FROM orders`))
	}
	// A backup that is none leaves everything as it is.
	if err := os.WriteFile(backup.Path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	said(1, "rollback", "--database", backup.Path, "--accept-loss", "--to", "0")
	if version() != "old" {
		t.Error("a rollback to no backup changed a service")
	}
}

// TestApplyMigrates: the plan shows the migration and what a failure would do,
// apply runs it in the cluster, and the record has it.
func TestApplyMigrates(t *testing.T) {
	t.Parallel()
	url, environment, namespace, dir := testenv.Database(t), testenv.Environment(t), testenv.Namespace(t), t.TempDir()
	slipway := filepath.Join(dir, "slipway")
	run(t, "..", "go", "build", "-o", slipway, "./actions")
	const sql = "CREATE TABLE orders (item text)"
	sum := sha256.Sum256([]byte(sql))
	migrator := `psql "$DATABASE_URL" --single-transaction --set ON_ERROR_STOP=1 -c 'CREATE SCHEMA drizzle' -c 'CREATE TABLE drizzle.__drizzle_migrations (hash text, created_at bigint)' -c '` +
		sql + `' -c "INSERT INTO drizzle.__drizzle_migrations VALUES (\$\$` + hex.EncodeToString(sum[:]) + `\$\$, 1700000000000)"`
	for name, text := range map[string]string{
		"slipway.yaml": anothersRepository["slipway.yaml"] + "database:\n  migrate: pnpm db:migrate\n  migrations: migrations\n  command:\n    - sh\n    - -c\n    - |\n      " + migrator + "\n" +
			"variables: [{name: DATABASE_URL, format: postgres-url}]\n",
		"images.json":                   `{"references": {"migrate": "postgres:15"}}`,
		"deploy.yaml":                   strings.ReplaceAll(cancelledManifest, "$version", "one"),
		"migrations/0000_orders.sql":    sql,
		"migrations/meta/_journal.json": `{"version": "7", "dialect": "postgresql", "entries": [{"idx": 0, "when": 1700000000000, "tag": "0000_orders"}]}`,
	} {
		file := filepath.Join(dir, name)
		text = strings.NewReplacer("ENVIRONMENT", environment, "NAMESPACE", namespace, "STRATEGY", "RollingUpdate", "READY", "true", "SLOW", "0").Replace(text)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	said := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(slipway, append(args, "--root", dir, "--env", environment)...)
		cmd.Env = append(os.Environ(), "TEST_KUBECONFIG="+testenv.Env(t)["KUBECONFIG"], "DATABASE_URL="+url, "GITHUB_OUTPUT="+filepath.Join(dir, "outputs"))
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if out := said("plan", "--images", "images.json"); !strings.Contains(out, "+ migration 0000_orders") {
		t.Errorf("the plan does not show it:\n%s", out)
	}
	if out := said("apply", "--approval", approvalIn(t, filepath.Join(dir, "outputs"))); !strings.Contains(out, "✓ 1 migration applied") || strings.Contains(out, url) {
		t.Errorf("%s", out)
	}
	if query(t, url, `SELECT count(*)::text FROM orders`) != "0" {
		t.Error("the table is not there")
	}
	if out := said("release", "1", "--json"); !strings.Contains(out, `"0000_orders"`) || !strings.Contains(out, `"migrator": "postgres:15"`) {
		t.Errorf("the record does not have it:\n%s", out)
	}
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
