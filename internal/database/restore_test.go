package database

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
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// shop is a small database with what a restore could lose: rows, sequences, a
// trigger, rights and settings.
const shop = `
CREATE TABLE orders (id serial PRIMARY KEY, item text NOT NULL, at timestamptz DEFAULT now());
INSERT INTO orders (item) SELECT 'item ' || i FROM generate_series(1, 1000) i;
CREATE TABLE audit (what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (NEW.item); RETURN NEW; END $$;
CREATE TRIGGER noted AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note();
CREATE MATERIALIZED VIEW latest AS SELECT max(id) FROM orders;
GRANT SELECT ON orders TO reader;`

// afterwards is a release: a migration that cannot be taken back, and writes.
const afterwards = `
ALTER TABLE orders DROP COLUMN item CASCADE;
DROP TRIGGER noted ON orders;
INSERT INTO orders DEFAULT VALUES; INSERT INTO orders DEFAULT VALUES; DELETE FROM orders WHERE id = 1;`

var reader sync.Once // a role is of the whole server

// backedUp is a database of the shop, its backup, and what came afterwards.
func backedUp(t *testing.T) (url string, b Backup) {
	t.Helper()
	reader.Do(func() { exec1(t, pg.admin("postgres"), `CREATE ROLE reader LOGIN`) })
	url = newDatabase(t, shop)
	a, err := ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	exec1(t, url, `ALTER DATABASE `+a.Database+` SET work_mem = '5MB'; ALTER DATABASE `+a.Database+` SET search_path TO "$user", public; REVOKE ALL ON DATABASE `+a.Database+` FROM PUBLIC; GRANT CONNECT ON DATABASE `+a.Database+` TO reader; ALTER ROLE CURRENT_USER IN DATABASE `+a.Database+` SET statement_timeout = '7min'`)
	exec1(t, pg.admin(a.Database), `ALTER ROLE reader IN DATABASE `+a.Database+` SET statement_timeout = '7s'`)
	if b, err = backup(t, url); err != nil {
		t.Fatal(err)
	}
	exec1(t, url, afterwards)
	return url, b
}

func restoreOptions(url string, b Backup) RestoreOptions {
	return RestoreOptions{URL: url, Dump: b.Path, Tools: pg.bin, Label: "7"}
}

// isBack fails unless the database is the one of the backup, in all that counts.
func isBack(t *testing.T, url string) {
	t.Helper()
	if n := ask[int](t, url, `SELECT count(*) FROM orders WHERE item LIKE 'item %'`); n != 1000 {
		t.Errorf("%d of 1000 orders are back", n)
	}
	exec1(t, url, `INSERT INTO orders (item) VALUES ('the next one')`)
	if n := ask[int](t, url, `SELECT id FROM orders JOIN audit ON item = what WHERE item = 'the next one'`); n != 1001 {
		t.Errorf("the next order is %d, want 1001", n)
	}
	for sql, want := range map[string]string{
		`SHOW statement_timeout`: "7min",
		`SELECT (reltuples = 1000)::text FROM pg_class WHERE oid = 'orders'::regclass`: "true",
		`SHOW work_mem`:    "5MB",
		`SHOW search_path`: `"$user", public`,
		`SELECT has_table_privilege('reader', 'orders', 'SELECT') || ' ' || has_database_privilege('reader', current_database(), 'CONNECT')`: "true true",
	} {
		if got := ask[string](t, url, sql); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
	if !ask[bool](t, url, `SELECT pg_get_userbyid(datdba) = current_user FROM pg_database WHERE datname = current_database()`) {
		t.Error("it has another owner")
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	url, b := backedUp(t)
	loss, err := EstimateLoss(t.Context(), url, b.Path)
	if err != nil || loss.Tables["public.orders"] != 3 || loss.Writes() != 3 || !strings.Contains(loss.String(), "an estimate: 3 rows") {
		t.Errorf("%v, %v, want 3 writes to orders", loss, err)
	}
	// Somebody who writes all the time, and comes back when cut off.
	writing, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		for writing.Err() == nil {
			conn, err := pgx.Connect(writing, url)
			for err == nil {
				_, err = conn.Exec(writing, `INSERT INTO audit VALUES ('busy')`)
			}
			if conn != nil {
				hangUp(conn)
			}
		}
	}()
	o, said := restoreOptions(url, b), ""
	o.Progress = func(message string) { said += message + "\n" }
	r, err := Restore(t.Context(), o)
	stop()
	if err != nil {
		t.Fatal(err)
	}
	isBack(t, url)
	if !strings.Contains(said, "not copied, since this role may not: ALTER ROLE reader") {
		t.Errorf("nothing is said of the settings of another role: %s", said)
	}
	if r.Away > 5 || r.Tables != 3 {
		t.Errorf("%+v", r)
	}
	a, _ := ParseURL(url)
	kept := a.On(r.Kept).URL()
	if n := ask[int](t, kept, `SELECT count(*) FROM orders`); n != 1001 {
		t.Errorf("the one that was replaced has %d orders, want 1001", n)
	}
	if ask[string](t, kept, `SHOW default_transaction_read_only`) != "on" {
		t.Error("the one that was replaced can be written by mistake")
	}
	// Repeated, it changes nothing: what was written since stays.
	if again, err := Restore(t.Context(), restoreOptions(url, b)); err != nil || again.Kept != r.Kept {
		t.Errorf("%+v, %v", again, err)
	}
	if n := ask[int](t, url, `SELECT count(*) FROM orders WHERE item = 'the next one'`); n != 1 {
		t.Error("repeated, it lost a write")
	}
}

// TestRestoreBesideAnother: a database that only has the name of one that was
// replaced is no proof that the restore was made.
func TestRestoreBesideAnother(t *testing.T) {
	t.Parallel()
	url, b := backedUp(t)
	a, _ := ParseURL(url)
	exec1(t, url, `CREATE DATABASE `+a.Database+`_replaced_7`)
	_, err := Restore(t.Context(), restoreOptions(url, b))
	wantError(t, err, Failed, "_replaced_7", "not from this restore")
	if n := ask[int](t, url, `SELECT count(*) FROM orders`); n != 1001 {
		t.Errorf("the database was touched: %d", n)
	}
}

// TestRestoreRefusesAnotherDatabase: a backup of staging, or of another server,
// must not become production because somebody took the wrong file.
func TestRestoreRefusesAnotherDatabase(t *testing.T) {
	t.Parallel()
	url, b := backedUp(t)
	other := newDatabase(t, shop)
	a, _ := ParseURL(url)
	for _, check := range []func() error{
		func() error { _, err := Restore(t.Context(), restoreOptions(other, b)); return err },
		func() error { _, err := EstimateLoss(t.Context(), other, b.Path); return err },
		func() error { _, err := TakenOf(t.Context(), other, b.Path); return err },
	} {
		wantError(t, check(), Refused, "is a backup of "+a.Database)
	}
	manifest := must(os.ReadFile(b.Path + ManifestSuffix))
	for old, says := range map[string]string{`"system": "`: "on another server", `"of": {`: "does not say which database"} {
		changed := strings.Replace(string(manifest), old, map[string]string{`"system": "`: `"system": "1`, `"of": {`: `"was": {`}[old], 1)
		if err := os.WriteFile(b.Path+ManifestSuffix, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Restore(t.Context(), restoreOptions(url, b))
		wantError(t, err, Refused, says)
	}
	for _, url := range []string{url, other} {
		if n := ask[int](t, url, `SELECT count(*) FROM pg_database WHERE datname LIKE current_database() || '\_%'`); n > 0 {
			t.Errorf("%d databases were made", n)
		}
	}
}

// TestRestoreRefusesWhatCannotMove: before anybody is cut off.
func TestRestoreRefusesWhatCannotMove(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ begin, end, says string }{
		"prepared transaction": {`BEGIN; INSERT INTO audit VALUES ('x'); PREPARE TRANSACTION 'half%s'`, `ROLLBACK PREPARED 'half%s'`, "are prepared there and neither committed nor rolled back: half"},
		"replication slot":     {`SELECT pg_create_logical_replication_slot('slot%s', 'pgoutput')`, `SELECT pg_drop_replication_slot('slot%s')`, "replication slots would go on with the database that was replaced: slot"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, b := backedUp(t)
			a, _ := ParseURL(url)
			exec1(t, pg.admin(a.Database), fmt.Sprintf(c.begin, a.Database))
			bystander := open(t, url)
			_, err := Restore(t.Context(), restoreOptions(url, b))
			wantError(t, err, Refused, c.says)
			if err := bystander.Ping(t.Context()); err != nil {
				t.Errorf("a session was ended all the same: %v", err)
			}
			exec1(t, pg.admin(a.Database), fmt.Sprintf(c.end, a.Database))
			if _, err := Restore(t.Context(), restoreOptions(url, b)); err != nil {
				t.Fatal(err)
			}
			isBack(t, url)
			if a := must(ParseURL(url)); len(databases(t, a.Database+"_restored_")) > 0 {
				t.Errorf("left behind: %s", databases(t, a.Database+"_restored_"))
			}
		})
	}
}

// TestRestoreIsOvertaken: one that was paused while it compared finds, when it
// wakes, that a later one has finished; it does nothing more.
func TestRestoreIsOvertaken(t *testing.T) {
	t.Parallel()
	url, b := backedUp(t)
	paused := restoreOptions(url, b)
	asked := 0
	paused.Still = func(ctx context.Context) error {
		if asked++; asked < 3 {
			return nil // before it drops, and before it makes anything
		}
		if _, err := Restore(ctx, restoreOptions(url, b)); err != nil {
			return err
		}
		exec1(t, url, `INSERT INTO audit VALUES ('after')`)
		return nil // it was asked a moment too early
	}
	_, err := Restore(t.Context(), paused)
	if err == nil {
		t.Error("it put its own database in the place of the later one's")
	}
	if n := ask[int](t, url, `SELECT count(*) FROM audit WHERE what = 'after'`); n != 1 {
		t.Error("what was written after the later restore is lost")
	}
	stopped := restoreOptions(url, b)
	stopped.Label, stopped.Still = "8", func(context.Context) error { return errors.New("no longer yours") }
	if _, err := Restore(t.Context(), stopped); err == nil || err.Error() != "no longer yours" {
		t.Errorf("%v", err)
	}
	if n := ask[int](t, url, `SELECT count(*) FROM audit WHERE what = 'after'`); n != 1 {
		t.Error("one that was told to stop went on")
	}
	if n := ask[int](t, url, `SELECT count(*) FROM pg_database WHERE datname LIKE current_database() || '\_restored\_%'`); n != 0 {
		t.Errorf("%d databases are left over", n)
	}
}

// TestRestoreChecksTheFence: a later run that laid hands on the database in
// another way, such as a migration, after the last question whether this run
// may go on.
func TestRestoreChecksTheFence(t *testing.T) {
	t.Parallel()
	url, b := backedUp(t)
	a, err := ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	exec1(t, url, `COMMENT ON DATABASE `+a.Database+` IS 'the shop (do not drop)'`)
	described := func() string {
		return ask[string](t, url, `SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()`)
	}
	o := restoreOptions(url, b)
	o.Fence = 5
	asked := 0
	o.Still = func(ctx context.Context) error {
		if asked++; asked < 3 {
			return nil
		}
		tx := begin(t, url)
		return errors.Join(Fence(ctx, tx, 6), tx.Commit(ctx))
	}
	var fenced *FencedError
	if _, err := Restore(t.Context(), o); !errors.As(err, &fenced) || fenced.Ours != 5 || fenced.Found != 6 || asked != 3 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	if n := orders(t, url); n != 1001 {
		t.Errorf("%d orders: the swap of a run that was overtaken changed something", n)
	}
	if n := ask[int](t, url, `SELECT count(*) FROM pg_database WHERE datname LIKE current_database() || '\_replaced\_%'`); n != 0 {
		t.Errorf("%d databases were replaced", n)
	}
	if got := described(); got != "the shop (do not drop) (slipway: run 6)" {
		t.Errorf("its comment is %q", got)
	}
	// The later one may, and an earlier one finds that out in the restored database too.
	o.Fence, o.Still = 7, nil
	if _, err := Restore(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	isBack(t, url)
	if got := described(); got != "the shop (do not drop) (slipway: run 7)" {
		t.Errorf("its comment is %q", got)
	}
	if err := Fence(t.Context(), begin(t, url), 6); !errors.As(err, &fenced) || fenced.Found != 7 {
		t.Errorf("the restored database has forgotten whose it is: %v", err)
	}
}

// TestLossAfterReset: counters that began anew are no estimate.
func TestLossAfterReset(t *testing.T) {
	t.Parallel()
	url, b := backedUp(t)
	a, _ := ParseURL(url)
	exec1(t, pg.admin(a.Database), `SELECT pg_stat_reset()`)
	l, err := EstimateLoss(t.Context(), url, b.Path)
	if err != nil || !l.Reset || !strings.Contains(l.String(), "unknown number of rows") {
		t.Errorf("%v, %v", l, err)
	}
	if _, err := Restore(t.Context(), restoreOptions(url, b)); err != nil {
		t.Fatal(err)
	}
	if l, err := EstimateLoss(t.Context(), url, b.Path); err != nil || !l.Reset {
		t.Errorf("after a restore, which is another database: %v, %v", l, err)
	}
}

func TestLossOfTablesThatAreGone(t *testing.T) {
	m := manifest{Writes: map[string]writes{"public.gone": {Inserts: 5}, "public.reset": {Inserts: 9}, "public.same": {Updates: 1}}}
	l := m.loss(map[string]writes{"public.reset": {Inserts: 1}, "public.same": {Updates: 1}, "public.new": {Inserts: 2, Deletes: 1}, "drizzle.__drizzle_migrations": {Inserts: 1}, "slipway.fence": {Updates: 2}})
	if !slices.Equal(l.Unknown, []string{"public.gone", "public.reset"}) || l.Writes() != 3 || l.Tables["public.new"] != 3 {
		t.Errorf("%+v", l)
	}
}

func TestRestoreOfWhatIsNoBackup(t *testing.T) {
	t.Parallel()
	url, b := backedUp(t)
	good, err := os.ReadFile(b.Path)
	if err != nil {
		t.Fatal(err)
	}
	bad := b
	bad.Path = filepath.Join(t.TempDir(), "dump")
	for name, files := range map[string]map[string]string{
		"no manifest":         {"": string(good)},
		"damaged manifest":    {"": string(good), ManifestSuffix: "{"},
		"of another database": {"": string(good) + "x", ManifestSuffix: string(must(os.ReadFile(b.Path + ManifestSuffix)))},
	} {
		_ = os.Remove(bad.Path + ManifestSuffix)
		for suffix, text := range files {
			if err := os.WriteFile(bad.Path+suffix, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var known *Error
		if _, err := Restore(t.Context(), restoreOptions(url, bad)); !errors.As(err, &known) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := ask[int](t, url, `SELECT count(*) FROM orders`); n != 1001 {
		t.Errorf("the database was touched: %d", n)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// restoreRole is what this test program does as the process that dies.
func restoreRole() {
	dump, key := os.Getenv("RESTORE_TEST_DUMP"), os.Getenv("RESTORE_TEST_KEY")
	var err error
	if key != "" {
		err = unsealRole(dump, key)
	} else {
		_, err = Restore(context.Background(), RestoreOptions{URL: os.Getenv("RESTORE_TEST_URL"), Dump: dump, Tools: os.Getenv("RESTORE_TEST_TOOLS"), Label: "7"})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// orders counts them. The server may still be at the last statement of a restore
// that was killed, and that one ends other sessions.
func orders(t *testing.T, url string) (n int) {
	t.Helper()
	for range 100 {
		err := func() error {
			conn, err := pgx.Connect(t.Context(), url)
			if err != nil {
				return err
			}
			defer hangUp(conn)
			return conn.QueryRow(t.Context(), `SELECT count(*) FROM orders`).Scan(&n)
		}()
		var ended *pgconn.PgError
		if err == nil {
			return n
		} else if !errors.As(err, &ended) || ended.Code != "57P01" {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("its sessions are ended again and again")
	return 0
}

// TestRestoreDies kills the process at each point: the database is entirely the
// one before or entirely the restored one, and a repeat finishes.
func TestRestoreDies(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "database.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "crash", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	die := func(t *testing.T, url string, b Backup, at int) []string {
		t.Helper()
		list := filepath.Join(t.TempDir(), "points")
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		cmd := exec.CommandContext(ctx, program)
		cmd.Env = append(os.Environ(), "RESTORE_TEST_URL="+url, "RESTORE_TEST_DUMP="+b.Path, "RESTORE_TEST_TOOLS="+pg.bin,
			"SLIPWAY_CRASH_LIST="+list, "SLIPWAY_CRASH_AT="+strconv.Itoa(at))
		out, err := cmd.CombinedOutput()
		status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if killed := status.Signaled() && status.Signal() == syscall.SIGKILL; killed != (at > 0) || err != nil && !killed {
			t.Fatalf("at point %d: %v\n%s", at, err, out)
		}
		return strings.Split(strings.TrimSpace(string(must(os.ReadFile(list)))), "\n")
	}
	url, b := backedUp(t)
	points := die(t, url, b, 0)
	isBack(t, url)
	if len(points) != 6 {
		t.Fatalf("the points are %q", points)
	}
	for i, point := range points {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			url, b := backedUp(t)
			die(t, url, b, i+1)
			swapped := point == "database restored: swapped"
			if n := orders(t, url); n != map[bool]int{false: 1001, true: 1000}[swapped] {
				t.Errorf("after the death there are %d orders", n)
			}
			if _, err := Restore(t.Context(), restoreOptions(url, b)); err != nil {
				t.Fatal(err)
			}
			isBack(t, url)
			if a := must(ParseURL(url)); len(databases(t, a.Database+"_restored_")) > 0 {
				t.Errorf("left behind: %s", databases(t, a.Database+"_restored_"))
			}
		})
	}
}
