package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/testenv"
)

// store is a scene whose release has a migration, fails when all of it runs, and
// takes its database back to a backup.
type store struct {
	*scene
	url, backup string
}

func newStore(t *testing.T, releaser string) *store {
	t.Helper()
	s := &store{scene: newScene(t, releaser), url: testenv.Database(t)}
	ask(s.t, s.url, `CREATE TABLE orders (item text); INSERT INTO orders VALUES ('one')`)
	s.must("old", "run")
	s.points()
	backup, err := database.TakeBackup(t.Context(), database.BackupOptions{URL: s.url, Dir: filepath.Join(s.dir, "backup")})
	if err != nil {
		t.Fatal(err)
	}
	s.backup = backup.Path
	script := command(addColour, addColour)[2]
	for name, text := range map[string]string{
		"migrations/meta/_journal.json": `{"version": "7", "dialect": "postgresql", "entries": [{"idx": 0, "when": 1700000000000, "tag": "0000_colour"}]}`,
		"migrations/0000_colour.sql":    addColour, "migrate.sh": script,
	} {
		file := filepath.Join(s.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s.more = []string{"--database", s.url, "--root", s.dir, "--backup", s.backup, "--fails", "new"}
	t.Cleanup(s.dropKept)
	return s
}

// others are the databases that belong to this one, beside it.
func (s *store) others() []string {
	return strings.Fields(ask(s.t, s.url, `SELECT coalesce(string_agg(datname, ' '), '') FROM pg_database WHERE datname LIKE current_database() || '\_%'`))
}

func (s *store) dropKept() {
	config, err := pgx.ParseConfig(s.url)
	if err != nil {
		return
	}
	own := config.Database
	config.Database = "postgres"
	ctx := context.WithoutCancel(s.t.Context())
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return
	}
	defer conn.Close(ctx)
	rows, _ := conn.Query(ctx, `SELECT datname FROM pg_database WHERE datname LIKE $1`, strings.ReplaceAll(own, "_", `\_`)+`\_%`)
	names, _ := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		_, _ = conn.Exec(ctx, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
	}
}

// TestCrashMatrixDatabase kills a release in its migration and in the restore that
// takes it back, with a real Job and a real database.
func TestCrashMatrixDatabase(t *testing.T) {
	t.Parallel()
	simulate(t)
	releaser := mortal(t)
	count := newStore(t, releaser)
	if out, err := count.run(0, "new", "run"); err == nil || !strings.Contains(out, "version new does not work") {
		t.Fatalf("%v\n%s", err, out)
	}
	count.entirely("old", ledger.Failed)
	if got := columns(t, count.url); got != "item" {
		t.Fatalf("the database has %s", got)
	}
	names := count.points()
	at := interesting(names)
	t.Logf("%d of %d points", len(at), len(names))
	if len(at) < 8 {
		t.Fatalf("only these points: %q", names)
	}
	const lanes = 4
	var work sync.WaitGroup
	for lane := range lanes {
		work.Go(func() {
			for i := lane; i < len(at); i += lanes {
				ways := someWays(i)
				if at[i] < slices.IndexFunc(names, isConfiguration) {
					ways = slices.Concat(ways, []string{asPlanned})
				}
				for _, way := range ways {
					t.Run(fmt.Sprintf("point %d, %s, then %s", at[i], strings.ReplaceAll(names[at[i]-1], "/", " "), way), func(t *testing.T) {
						killMigration(t, newStore(t, releaser), at[i], way)
					})
				}
			}
		})
	}
	work.Wait()
}

// interesting are the numbers of the points of the migration and of the restore;
// those between are the other matrix's. Between the end of one side effect and
// the beginning of the next nothing happens, so one of the two is enough; of the
// same kind of point, torture alone takes more than one.
func interesting(names []string) (at []int) {
	index := func(part string) int {
		return slices.IndexFunc(names, func(n string) bool { return strings.Contains(n, part) })
	}
	migrate, configuration, restore := index("slipway-migrate"), slices.IndexFunc(names, isConfiguration), index("database restored")
	seen := map[string]bool{}
	for i, name := range names {
		kind, _, _ := strings.Cut(name, "/")
		inside := i >= migrate-2 && i < configuration || i >= restore-2
		if !inside || !everyWay && (strings.HasPrefix(name, "before") || seen[kind]) {
			continue
		}
		seen[kind] = true
		at = append(at, i+1)
	}
	return at
}

// isConfiguration is a point behind the migration.
func isConfiguration(name string) bool { return strings.Contains(name, "apply ConfigMap") }

// asPlanned is the way back that no person asks for. It restores the database only
// where the migration had done something.
const asPlanned = "rollback as planned"

// killMigration lets a release die, and goes on: whatever the way, application
// and database are of one release in the end, and nothing else is left.
func killMigration(t *testing.T, s *store, at int, way string) {
	out, err := s.run(at, "new", "run")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.String() != "signal: killed" {
		t.Fatalf("it was to die at point %d: %v\n%s", at, err, out)
	}
	left, err := s.ledger.Unfinished(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	switch way {
	case "run":
		out, err := s.run(0, "next", "run")
		if err != nil && strings.Contains(out, "ended while it restored the database") {
			s.must("old", "rollback") // which backup it was, only a person knows
			s.goneBack()
			out, err = s.run(0, "next", "run")
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		s.entirely("next", ledger.Released)
		if got := columns(s.t, s.url); got != "item colour" {
			t.Errorf("the database has %s", got)
		}
	case "resume":
		// It goes on to where it fails, and so goes back.
		if out, err := s.run(0, "old", "resume"); left != nil && err != nil && !strings.Contains(out, "version new does not work") && !strings.Contains(out, "so it is closed") && !strings.Contains(out, "so all of it was rolled back") {
			t.Fatalf("%v\n%s", err, out)
		}
		s.goneBack()
	case "rollback":
		if left == nil {
			return // it had not begun or was over: then this is about an earlier release
		}
		s.must("old", "rollback")
		s.goneBack()
	case asPlanned:
		ask(t, s.url, `INSERT INTO orders (item) VALUES ('since the backup')`)
		s.more = append(s.more, "--to", strconv.Itoa(Unfinished))
		said := s.must("old", "rollback")
		s.goneBack()
		restored := slices.ContainsFunc(s.others(), func(name string) bool { return strings.Contains(name, "_replaced_") })
		if orders := ask(t, s.url, `SELECT count(*)::text FROM orders`); restored != (orders == "1") {
			t.Errorf("%s orders, restored: %t", orders, restored)
		}
		if records, err := s.ledger.Releases(t.Context()); err != nil || restored == strings.Contains(records[0].Verdict, "it was not restored") {
			t.Errorf("restored: %t, and the verdict is %s\n%s", restored, records[0].Verdict, said)
		}
		if woken := slices.ContainsFunc(s.points(), func(name string) bool { return strings.HasPrefix(name, "after wake Job/") }); restored && !woken {
			t.Errorf("the migration had not begun, and what was written since is lost:\n%s", said)
		}
	}
	if left := testenv.Kubectl(t, "--namespace", s.namespace, "get", "jobs,pods", "--selector", "slipway.dev/task", "--output", "name"); left != "" {
		t.Errorf("left behind: %s", left)
	}
	for _, name := range s.others() {
		if strings.Contains(name, "_restored_") {
			t.Errorf("left behind: %s", name)
		}
	}
}

// goneBack fails unless application and database are as before the release.
func (s *store) goneBack() {
	s.t.Helper()
	if found, _ := s.versions(); slices.ContainsFunc(found, func(v string) bool { return v != "old" }) {
		s.t.Errorf("the environment is %q, want all of it old", found)
	}
	if got := columns(s.t, s.url); got != "item" {
		s.t.Errorf("the database has %s", got)
	}
	if left, err := s.ledger.Unfinished(s.t.Context()); err != nil || left != nil {
		s.t.Errorf("still unfinished: %+v, %v", left, err)
	}
}
