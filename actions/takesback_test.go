package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/testenv"
)

// migratedPlatform is the gated one with a database, which goes back to its backup
// where a release fails after its migrations.
var migratedPlatform = strings.Replace(gatedPlatform, "      notes: CHANGELOG.md\n      waivable: [notes]\n", "      backup: 1h\n      rollbackPlan: https://wiki.example.org/rollback\n", 1) + `
database:
  migrate: pnpm db:migrate
  migrations: migrations
  onFailure: restore
  command:
    - sh
    - -c
    - |
      psql "$DATABASE_URL" --no-psqlrc --quiet --set ON_ERROR_STOP=1 --single-transaction <<'SQL'
      CREATE SCHEMA IF NOT EXISTS drizzle;
      CREATE TABLE IF NOT EXISTS drizzle.__drizzle_migrations (hash text, created_at bigint);
      PENDING
      SQL
`

// migrating is a production whose releases have migrations.
type migrating struct {
	*production
	url, platform string
	migrations    []string // their SQL
}

func newMigrating(t *testing.T) *migrating {
	t.Helper()
	m := &migrating{url: testenv.Database(t)}
	m.production = productionOf(t, migratedPlatform, ledger.Record{Migrator: imageOf(t, "postgres", "15")})
	m.platform = read(t, filepath.Join(m.dispatch.Repository, "slipway.yaml"))
	m.dispatch.Secrets["VARIABLES"] += "DATABASE_URL=" + m.url + "\n"
	installed(t, m.dispatch)
	return m
}

// changes commits a version of the service, and a change of the database. Each
// version is released in a run of its own.
func (m *migrating) changes(version, ready, sql string) {
	m.Helper()
	m.migrations = append(m.migrations, sql)
	var entries, pending []string
	for i, sql := range m.migrations {
		sum := sha256.Sum256([]byte(sql))
		hash, tag, when := hex.EncodeToString(sum[:]), fmt.Sprintf("%04d_change", i), 1700000000000+i
		entries = append(entries, fmt.Sprintf(`{"idx": %d, "when": %d, "tag": %q}`, i, when, tag))
		pending = append(pending, fmt.Sprintf("SELECT NOT EXISTS (SELECT FROM drizzle.__drizzle_migrations WHERE hash = '%s') AS pending \\gset", hash),
			`\if :pending`, sql+";", fmt.Sprintf("INSERT INTO drizzle.__drizzle_migrations VALUES ('%s', %d);", hash, when), `\endif`)
		m.write("migrations/"+tag+".sql", sql)
	}
	m.write("migrations/meta/_journal.json", `{"version": "7", "dialect": "postgresql", "entries": [`+strings.Join(entries, ", ")+`]}`)
	m.write("slipway.yaml", strings.Replace(m.platform, "PENDING", strings.Join(pending, "\n      "), 1))
	m.write("deploy.yaml", strings.NewReplacer("$version", version, "READY", ready, "STRATEGY", "RollingUpdate", "SLOW", "0", "image: node:22-bookworm-slim", "image: "+nodeImage(m.T)).Replace(cancelledManifest))
	m.commit(version)
	m.dispatch.Run++
	m.knows()
}

func (m *migrating) write(name, text string) {
	m.Helper()
	file := filepath.Join(m.dispatch.Repository, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		m.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		m.Fatal(err)
	}
}

// approve is what both groups do once there is a digest.
func (m *migrating) approve(digest string) {
	m.review("tom", "approved", digest[:12], "production-oncall")
	m.review("vera", "approved", digest[:12], "production")
}

// is what production is at: the version, and what the tables hold.
func (m *migrating) is(want string) {
	m.Helper()
	version := testenv.Kubectl(m, "--namespace", m.namespace, "get", "deployment", "web", "--output", "jsonpath={.spec.template.spec.containers[0].env[0].value}")
	tables := query(m.T, m.url, `SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`)
	if got := version + ": " + tables + ", " + query(m.T, m.url, `SELECT count(*)::text FROM orders`) + " orders"; got != want {
		m.Errorf("production is at %s, want %s", got, want)
	}
}

// ended is how a release ended, as the ledger has it.
func (m *migrating) ended(number int, state ledger.State, verdict string) {
	m.Helper()
	r, err := m.ledger.Release(m.Context(), number)
	if err != nil || r == nil || r.State != state || !strings.Contains(r.Verdict, verdict) {
		m.Errorf("release %d: %+v, %v; want %s: %s", number, r, err, state, verdict)
	}
}

// TestProductionTakesBack: the production workflow with a real database. A release
// whose service fails is taken back in the job that released it, the database with
// it; one that is cancelled in its middle, whose process is killed, by the last
// step of the same job, and its database as well.
func TestProductionTakesBack(t *testing.T) {
	t.Parallel()
	m := newMigrating(t)
	m.changes("one", "true", "CREATE TABLE orders (item text)")
	if out, err := m.run(m.approve); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	query(t, m.url, `INSERT INTO orders VALUES ('tea')`)
	m.is("one: orders, 1 orders")

	// The probe of its pods is never answered well, and its container ends twice.
	m.changes("two", "process.exit(3)", "CREATE TABLE goods (name text)")
	out, err := m.run(m.approve)
	if err == nil {
		t.Error("the workflow does not fail")
	}
	for _, want := range []string{"1 migration applied", "roll out web: container web exited", "#2 failed: the services are as before", "no release ended in the middle, there is nothing to take back"} {
		if !strings.Contains(out, want) {
			t.Errorf("nobody said %q:\n%s", want, out)
		}
	}
	m.ended(2, ledger.Failed, "the database")
	t.Cleanup(func() { dropKept(m.url, databaseName(t, m.url)+"_replaced_2") })
	m.is("one: orders, 1 orders")

	m.changes("three", "false", "CREATE TABLE prices (amount int)")
	out, err = m.cancelled("three")
	if err == nil {
		t.Error("a workflow that was cancelled does not fail")
	}
	for _, want := range []string{"#3 ended in the middle; what it changed is taken back", "#3 failed: the services are as before", "the database is the backup again"} {
		if !strings.Contains(out, want) {
			t.Errorf("nobody said %q:\n%s", want, out)
		}
	}
	m.ended(3, ledger.Failed, "the database is the backup again")
	t.Cleanup(func() { dropKept(m.url, databaseName(t, m.url)+"_replaced_3") })
	// What is known of one that was cancelled is kept, after it was taken back.
	if page := read(t, filepath.Join(m.dispatch.Artifacts, "report", "report.html")); !strings.Contains(page, "#3") || !strings.Contains(page, "the services are as before") {
		t.Error("the report of the cancelled run is not that of the take-back")
	}
	m.is("one: orders, 1 orders")
}

// cancelled approves a run and cancels it once the cluster has that version, by
// what act takes for it. It kills the step that runs, which is harsher than GitHub.
func (m *migrating) cancelled(version string) (string, error) {
	m.Helper()
	cmd, err := m.dispatch.Command(m.Context())
	if err != nil {
		m.Fatal(err)
	}
	decided := false
	return follow(m.T, cmd, func(line string) {
		match := toApprove.FindStringSubmatch(line)
		if match == nil || decided {
			return
		}
		decided = true
		m.approve(match[1])
		go func() {
			out, err := testenv.TryKubectl(m.T, "--namespace", m.namespace, "wait", "deployment/web", "--timeout=180s",
				"--for=jsonpath={.spec.template.spec.containers[0].env[0].value}="+version)
			if err != nil {
				m.Errorf("it was never released: %v: %s", err, out)
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				m.Error(err)
			}
		}()
	})
}
