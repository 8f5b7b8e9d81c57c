package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

// migrating is a desk whose platform has a database, and a command that migrates
// it from within a pod.
type migrating struct {
	*desk
	url, root string
	platform  *platform.Platform
	said      strings.Builder
}

const addColour = `ALTER TABLE orders ADD COLUMN colour text`

func newMigrating(t *testing.T) *migrating {
	t.Helper()
	m := &migrating{desk: newDesk(t), url: testenv.Database(t), root: t.TempDir()}
	m.ask(`CREATE TABLE orders (item text); INSERT INTO orders VALUES ('one')`)
	m.platform = &platform.Platform{Root: m.root, Database: &platform.Database{Migrations: "migrations", URL: "DATABASE_URL"}}
	m.write("migrations/meta/_journal.json", `{"version": "7", "dialect": "postgresql", "entries": [{"idx": 0, "when": 1700000000000, "tag": "0000_colour"}]}`)
	m.write("migrations/0000_colour.sql", addColour)
	m.platform.Database.Command = command(addColour, addColour)
	return m
}

// command is a migrator that notes one file as applied and runs statements.
func command(file, statements string) []string {
	sum := sha256.Sum256([]byte(file))
	return []string{"sh", "-c", fmt.Sprintf(`echo "migrating $DATABASE_URL"; exec psql "$DATABASE_URL" --single-transaction --set ON_ERROR_STOP=1 <<'END'
CREATE SCHEMA IF NOT EXISTS drizzle;
CREATE TABLE IF NOT EXISTS drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
%s;
INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('%s', 1700000000000);
END
`, statements, hex.EncodeToString(sum[:]))}
}

func (m *migrating) write(name, text string) {
	m.t.Helper()
	file := filepath.Join(m.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *migrating) ask(sql string) string {
	m.t.Helper()
	return ask(m.t, m.url, sql)
}

// ask runs statements and returns the first value of the last one's answer.
func ask(t *testing.T, url, sql string) string {
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

// columns are those of the table that the migrations of these tests change.
func columns(t *testing.T, url string) string {
	t.Helper()
	return ask(t, url, `SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = 'orders'`)
}

func (m *migrating) columns() string { return columns(m.t, m.url) }

func (m *migrating) planning(words ...string) Planning {
	m.t.Helper()
	p := m.desk.planning(words...)
	pending, err := database.Pending(m.t.Context(), m.url, filepath.Join(m.root, "migrations"), "")
	if err != nil {
		m.t.Fatal(err)
	}
	for _, f := range pending.Pending {
		p.Known.Migrations = append(p.Known.Migrations, plan.Migration{Name: f.Name, SHA256: f.Hash, SQL: f.SQL})
	}
	p.Known.Migrator, p.Known.Restore = "postgres:15", m.platform.Database.OnFailure == platform.Restore
	return p
}

func (m *migrating) options(p Planning) Options {
	say := func(format string, args ...any) { fmt.Fprintf(&m.said, format+"\n", args...) }
	return Options{Ledger: m.ledger, Rollout: p.Rollout, Say: say, Migrator: Migrations{
		Cluster: m.cluster, Namespace: m.namespace, Platform: m.platform, URL: m.url, Values: map[string]string{"DATABASE_URL": m.url},
		Redact: platform.Redactor([]string{m.url}), Say: say,
	}}
}

func (m *migrating) backup() Backup {
	m.t.Helper()
	b, err := database.TakeBackup(m.t.Context(), database.BackupOptions{URL: m.url, Dir: m.t.TempDir()})
	if err != nil {
		m.t.Fatal(err)
	}
	return Backup{URL: m.url, Dump: b.Path, Say: func(string, ...any) {}}
}

var errFlows = errors.New("flow checkout: 500")

// failing is a verification that fails once: what was taken back passes.
func failing() func(context.Context, *ledger.Record) error {
	asked := false
	return func(context.Context, *ledger.Record) error {
		if asked {
			return nil
		}
		asked = true
		return errFlows
	}
}

// TestReleaseMigratesFirst: the migration runs in a pod, under the release's
// lock, and the record says what became of the schema.
func TestReleaseMigratesFirst(t *testing.T) {
	t.Parallel()
	m := newMigrating(t)
	first := m.planning()
	outcome, err := Apply(t.Context(), m.approve(m.plan(first)), first, m.options(first))
	if err != nil || outcome.State != ledger.Released {
		t.Fatalf("%+v, %v\n%s", outcome, err, m.said.String())
	}
	r := outcome.Record
	if m.columns() != "item colour" || r.Schema == nil || *r.Schema != (ledger.Schema{After: "0000_colour"}) || strings.Join(r.Migrations, " ") != "0000_colour" {
		t.Errorf("%s, %+v", m.columns(), r)
	}
	if got := m.ask(`SELECT number::text FROM slipway.fence`); got != fmt.Sprint(r.Fence) {
		t.Errorf("the database is fenced for %s, want %d", got, r.Fence)
	}
	if left := testenv.Kubectl(t, "--namespace", m.namespace, "get", "jobs,secrets", "--selector", "slipway.dev/task", "--output", "name"); left != "" {
		t.Errorf("left behind: %s", left)
	}
	// Going back says what the services meet.
	outcome, err = Rollback(t.Context(), m.options(first), 0)
	if err != nil || !strings.Contains(outcome.Verdict, "the schema stays as migrated: 0000_colour") {
		t.Errorf("%+v, %v", outcome, err)
	}
}

// TestMigrationFails: whatever state that leaves, the verdict says it, and no
// service was touched.
func TestMigrationFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		command []string
		restore bool
		verdict string
		columns string
	}{
		"and is rolled back":    {command: command(addColour, addColour+"; SELECT no_such_thing"), verdict: "the schema is as before and no service was touched", columns: "item"},
		"half-way":              {command: command(addColour, addColour+"; COMMIT; SELECT no_such_thing"), verdict: "the migration failed half-way, no service was touched", columns: "item colour"},
		"half-way, and is back": {command: command(addColour, addColour+"; COMMIT; SELECT no_such_thing"), restore: true, verdict: "the database is the backup again", columns: "item"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMigrating(t)
			m.platform.Database.Command = tt.command
			if tt.restore {
				m.platform.Database.OnFailure = platform.Restore
			}
			first := m.planning()
			o := m.options(first)
			if tt.restore {
				o.OnFailure = m.backup()
			}
			outcome, err := Apply(t.Context(), m.approve(m.plan(first)), first, o)
			if err == nil || outcome == nil || outcome.State != ledger.Failed || !strings.Contains(outcome.Verdict, tt.verdict) {
				t.Fatalf("%+v, %v, want %s\n%s", outcome, err, tt.verdict, m.said.String())
			}
			if m.columns() != tt.columns {
				t.Errorf("%s, want %s", m.columns(), tt.columns)
			}
			said := m.said.String()
			if !strings.Contains(said, "no_such_thing") || strings.Contains(said, m.url) {
				t.Errorf("what the migrator said is not shown, or with the password:\n%s", said)
			}
			if out := testenv.Kubectl(t, "--namespace", m.namespace, "get", "deployments", "--output", "name"); out != "" {
				t.Errorf("a service was touched: %s", out)
			}
		})
	}
}

// TestReleaseFailsAfterItsMigrations: the services go back; the database does so
// only if the plan said it.
func TestReleaseFailsAfterItsMigrations(t *testing.T) {
	t.Parallel()
	for _, restore := range []bool{false, true} {
		t.Run(fmt.Sprintf("restore %t", restore), func(t *testing.T) {
			t.Parallel()
			m := newMigrating(t)
			verdict, columns := "the schema stays as migrated: 0000_colour", "item colour"
			if restore {
				m.platform.Database.OnFailure = platform.Restore
				verdict, columns = "the database is the backup again", "item"
			}
			first := m.planning()
			o := m.options(first)
			o.Verify = failing()
			if _, err := Apply(t.Context(), m.approve(m.plan(first)), first, o); restore && !errors.As(err, new(*BackupAwayError)) {
				t.Fatalf("without its backup: %v", err)
			}
			if restore {
				o.OnFailure = m.backup()
				outcome, err := Apply(t.Context(), m.approve(m.plan(first)), first, o)
				check(t, m, outcome, err, verdict, columns)
				return
			}
			records, err := m.ledger.Releases(t.Context())
			if err != nil || len(records) != 1 {
				t.Fatalf("%v, %v", records, err)
			}
			check(t, m, &Outcome{State: records[0].State, Verdict: records[0].Verdict}, errFlows, verdict, columns)
		})
	}
}

func check(t *testing.T, m *migrating, outcome *Outcome, err error, verdict, columns string) {
	t.Helper()
	if !errors.Is(err, errFlows) || outcome.State != ledger.Failed || !strings.Contains(outcome.Verdict, verdict) {
		t.Errorf("%+v, %v, want %s\n%s", outcome, err, verdict, m.said.String())
	}
	if m.columns() != columns {
		t.Errorf("%s, want %s", m.columns(), columns)
	}
	if r := outcome.Record; r != nil && (len(r.Migrations) > 0 || r.Schema.After != r.Schema.Before) {
		t.Errorf("the record has migrations that went with the database: %+v", r)
	}
}

// TestMigrationThatDied: its process is gone and its pod still works. Whoever
// comes next ends the pod first.
func TestMigrationThatDied(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(context.Context, Options) (*Outcome, error){
		"resume":   Resume,
		"rollback": func(ctx context.Context, o Options) (*Outcome, error) { return Rollback(ctx, o, Previous) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMigrating(t)
			m.platform.Database.Command = command(addColour, addColour+";\n\\! sleep 600\nSELECT 1")
			first := m.planning()
			o := m.options(first)
			o.Lease = 3 * time.Second
			dead := &died{Migrator: o.Migrator, running: make(chan struct{})}
			o.Migrator = dead
			ended := make(chan error)
			go func() {
				_, err := Apply(context.WithoutCancel(t.Context()), m.approve(m.plan(first)), first, o)
				ended <- err
			}()
			<-dead.running
			task := "slipway-migrate-1"
			testenv.Kubectl(t, "--namespace", m.namespace, "wait", "--for=create", "job/"+task, "--timeout=60s")
			testenv.Kubectl(t, "--namespace", m.namespace, "wait", "--for=jsonpath={.status.active}=1", "job/"+task, "--timeout=60s")
			// Its lock is taken away: what a dead process leaves, only sooner.
			if _, err := m.ledger.Unlock(t.Context(), ledger.Holder{Person: "tom"}, "its runner is gone"); err != nil {
				t.Fatal(err)
			}
			m.platform.Database.Command = command(addColour, addColour)
			outcome, err := act(t.Context(), m.options(first))
			<-ended
			if err != nil {
				t.Fatalf("%+v, %v\n%s", outcome, err, m.said.String())
			}
			want, state := "item colour", ledger.Released
			if name == "rollback" {
				want, state = "item", ledger.Failed
			}
			if m.columns() != want || outcome.State != state {
				t.Errorf("%s, want %s; %+v", m.columns(), want, outcome)
			}
			if left := testenv.Kubectl(t, "--namespace", m.namespace, "get", "jobs,pods", "--selector", "slipway.dev/task", "--output", "name"); left != "" {
				t.Errorf("left behind: %s", left)
			}
		})
	}
}

// died is a migrator that tells when it was called.
type died struct {
	Migrator
	running chan struct{}
}

func (d *died) Migrate(ctx context.Context, m Migrating) (database.Migrated, error) {
	close(d.running)
	return d.Migrator.Migrate(ctx, m)
}

// deaf is a migrator that does not end when it is told to.
type deaf struct{ running, end chan struct{} }

func (d deaf) Migrate(context.Context, Migrating) (database.Migrated, error) {
	close(d.running)
	<-d.end
	return database.Migrated{}, errors.New("too late")
}

// dies is a migrator whose process dies once it has done something.
type dies func()

func (d dies) Migrate(context.Context, Migrating) (database.Migrated, error) {
	d()
	return database.Migrated{}, &ledger.LostError{}
}

// TestMigrationDiesAndThenFails: that the second attempt leaves the schema as it
// found it does not mean that it is as before the release.
func TestMigrationDiesAndThenFails(t *testing.T) {
	t.Parallel()
	const addSize = `ALTER TABLE orders ADD COLUMN size text`
	first := addColour + "; CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)" +
		fmt.Sprintf("; INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('%x', 1700000000000)", sha256.Sum256([]byte(addColour)))
	for name, tt := range map[string]struct {
		done, file      string // by the first attempt; the second migration
		restore         bool
		state           ledger.State
		verdict, orders string
	}{
		"the first was applied":           {done: first, file: addSize, state: ledger.Failed, verdict: "the schema stays as migrated: 0000_colour", orders: "2 item colour"},
		"the first was applied, restored": {done: first, file: addSize, restore: true, state: ledger.Failed, verdict: "the database is the backup again", orders: "1 item"},
		"nothing was applied":             {done: "SELECT 1", file: addSize, state: ledger.Failed, verdict: "none is noted as applied", orders: "2 item"},
		"nothing was applied, restored":   {done: "SELECT 1", file: addSize, restore: true, state: ledger.Failed, verdict: "it was not restored", orders: "2 item"},
		"of another commit":               {done: first, file: addSize + " NOT NULL", restore: true, state: ledger.Running, verdict: "its migrations wait", orders: "2 item colour"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMigrating(t)
			m.write("migrations/meta/_journal.json", `{"version": "7", "dialect": "postgresql", "entries": [{"idx": 0, "when": 1700000000000, "tag": "0000_colour"}, {"idx": 1, "when": 1700000000001, "tag": "0001_size"}]}`)
			m.write("migrations/0001_size.sql", addSize)
			if tt.restore {
				m.platform.Database.OnFailure = platform.Restore
			}
			m.platform.Database.Command = command(addSize, addSize+"; SELECT no_such_thing")
			p := m.planning()
			o := m.options(p)
			if tt.restore {
				o.OnFailure = m.backup()
			}
			works := o.Migrator
			o.Migrator = dies(func() { m.ask(tt.done) })
			if outcome, err := Apply(t.Context(), m.approve(m.plan(p)), p, o); !replaced(err) {
				t.Fatalf("%+v, %v", outcome, err)
			}
			m.ask(`INSERT INTO orders (item) VALUES ('two')`)
			m.write("migrations/0001_size.sql", tt.file)
			o.Migrator = works
			outcome, err := Resume(t.Context(), o)
			if err == nil || outcome == nil || outcome.State != tt.state || !strings.Contains(outcome.Verdict, tt.verdict) {
				t.Errorf("%+v, %v, want %s\n%s", outcome, err, tt.verdict, m.said.String())
			}
			if got := m.ask(`SELECT count(*)::text FROM orders`) + " " + m.columns(); got != tt.orders {
				t.Errorf("orders are %s, want %s", got, tt.orders)
			}
		})
	}
}

// TestCancelledWhileItMigrates: who cancels it kills it soon. The lock is free,
// the ledger has what was begun, and the next run goes on or back.
func TestCancelledWhileItMigrates(t *testing.T) {
	t.Parallel()
	m := newMigrating(t)
	first := m.planning()
	o, d := m.options(first), deaf{make(chan struct{}), make(chan struct{})}
	defer close(d.end)
	works := o.Migrator
	o.Migrator, o.Rollout.Grace = d, 50*time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-d.running; cancel() }()
	outcome, err := Apply(ctx, m.approve(m.plan(first)), first, o)
	var cancelled *CancelledError
	if !errors.As(err, &cancelled) || outcome.State != ledger.Running || !strings.Contains(outcome.Verdict, "cancelled while it migrated") {
		t.Fatalf("%+v, %v", outcome, err)
	}
	left, err := m.ledger.Unfinished(t.Context())
	if err != nil || left == nil || stepOf(left, migrateStep) == nil || stepOf(left, migrateStep).Ended != nil {
		t.Fatalf("the ledger has %+v, %v", left, err)
	}
	lock, err := m.ledger.Acquire(t.Context(), ledger.Holder{Person: "tom"}, ledger.DefaultLease)
	if err != nil || lock.Release(t.Context()) != nil {
		t.Fatalf("the lock is not free: %v", err)
	}
	o.Migrator = works
	if outcome, err := Resume(t.Context(), o); err != nil || outcome.State != ledger.Released || m.columns() != "item colour" {
		t.Errorf("%+v, %v: %s", outcome, err, m.columns())
	}
}

// TestCancelledBeforeTheDatabaseGoesBack: a restore takes minutes. It is left to
// the next run, which needs the backup and says so.
func TestCancelledBeforeTheDatabaseGoesBack(t *testing.T) {
	t.Parallel()
	m := newMigrating(t)
	m.platform.Database.OnFailure = platform.Restore
	first := m.planning()
	backup := m.backup()
	o, never := m.options(first), &broken{}
	o.OnFailure, o.Rollout.Grace = never, 10*time.Second
	ctx, cancel := context.WithCancel(t.Context())
	o.Verify = func(context.Context, *ledger.Record) error { cancel(); return errFlows }
	outcome, err := Apply(ctx, m.approve(m.plan(first)), first, o)
	if !errors.As(err, new(*CancelledError)) || !errors.Is(err, errFlows) || outcome.State != ledger.Running || never.tried != 0 {
		t.Fatalf("%+v, %v, the restore was begun %d times", outcome, err, never.tried)
	}
	o.Verify, o.OnFailure = nil, nil
	if _, err := Rollback(t.Context(), o, Unfinished); !errors.As(err, new(*BackupAwayError)) || m.columns() != "item colour" {
		t.Errorf("without the backup: %v", err)
	}
	if _, err := Rollback(t.Context(), o, Previous); !errors.As(err, new(*DatabaseWaitsError)) || m.columns() != "item colour" {
		t.Errorf("without the backup, as a person asks: %v", err)
	}
	o.Database = backup
	outcome, err = Rollback(t.Context(), o, Unfinished)
	if err != nil || outcome.State != ledger.Failed || m.columns() != "item" {
		t.Errorf("%+v, %v: %s", outcome, err, m.columns())
	}
}

// TestKilledAfterItMigrated: what nobody asks to go back goes back as the plan said,
// with its database, and not at all where the backup is away; as a person asks, it
// leaves the schema.
func TestKilledAfterItMigrated(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]struct {
		restore, here bool
		to            int
		columns       string
	}{
		"as planned":           {true, true, Unfinished, "item"},
		"the backup is away":   {true, false, Unfinished, ""},
		"as a person asks":     {true, true, Previous, "item colour"},
		"the plan leaves data": {false, true, Unfinished, "item colour"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMigrating(t)
			if way.restore {
				m.platform.Database.OnFailure = platform.Restore
			}
			first := m.planning()
			backup := m.backup()
			o := m.options(first)
			if way.restore {
				o.OnFailure = backup
			}
			if _, err := m.killed(o, m.approve(m.plan(first)), first); err == nil || m.columns() != "item colour" {
				t.Fatalf("%v: %s", err, m.columns())
			}
			if o.OnFailure = nil; way.here {
				o.OnFailure = backup
			}
			outcome, err := Rollback(t.Context(), o, way.to)
			if way.columns == "" {
				if left, _ := m.ledger.Unfinished(t.Context()); !errors.As(err, new(*BackupAwayError)) || left == nil {
					t.Errorf("%+v, %v; the ledger has %+v", outcome, err, left)
				}
				return
			}
			if err != nil || outcome.State != ledger.Failed || m.columns() != way.columns {
				t.Errorf("%+v, %v: %s", outcome, err, m.columns())
			}
		})
	}
}

// killed is a release whose lock another run takes once it has migrated.
func (m *migrating) killed(o Options, a Approved, p Planning) (*Outcome, error) {
	m.t.Helper()
	ctx, kill := context.WithCancelCause(m.t.Context())
	defer kill(nil)
	o.Migrator = after{o.Migrator, func() { kill(&ledger.LostError{}) }}
	return Apply(ctx, a, p, o)
}

// after is a migrator that tells when it has ended.
type after struct {
	Migrator
	tell func()
}

func (a after) Migrate(ctx context.Context, m Migrating) (database.Migrated, error) {
	done, err := a.Migrator.Migrate(ctx, m)
	a.tell()
	return done, err
}
