package database

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is a PostgreSQL of this test run's own.
type server struct {
	bin, dir string
	port     int
	count    atomic.Int64
}

var pg server

func TestMain(m *testing.M) {
	if os.Getenv("RESTORE_TEST_URL") != "" {
		restoreRole()
		return
	}
	// Each check is a whole backup. A command line may still ask for more.
	if err := flag.Set("rapid.checks", "15"); err != nil {
		panic(err)
	}
	flag.Parse()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		os.Exit(m.Run()) // fuzzing needs no server, and its workers are killed, not stopped
	}
	err := pg.start()
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, "start PostgreSQL for the tests:", err)
	}
	pg.stop()
	os.Exit(code)
}

func (s *server) start() error {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return errors.New("initdb is not under /usr/lib/postgresql: install the package postgresql")
	}
	slices.SortFunc(found, func(a, b string) int { return majorOf(a) - majorOf(b) })
	s.bin = filepath.Dir(found[len(found)-1])
	dir, err := os.MkdirTemp("", "slipway-database-")
	if err != nil {
		return err
	}
	s.dir = dir
	if os.Getuid() == 0 {
		uid, gid, err := postgresUser()
		if err != nil {
			return err
		}
		if err := os.Chown(dir, uid, gid); err != nil {
			return err
		}
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("s3cret\n"), 0o644); err != nil {
		return err
	}
	if err := s.as("initdb", "-D", filepath.Join(dir, "data"), "-U", "admin", "--pwfile="+password, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.port = listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		return err
	}
	options := fmt.Sprintf("-p %d -k %s -c listen_addresses=127.0.0.1 -c wal_level=logical -c max_prepared_transactions=4 -c fsync=off -c max_connections=60", s.port, dir)
	return s.as("pg_ctl", "-D", filepath.Join(dir, "data"), "-w", "-l", filepath.Join(dir, "log"), "-o", options, "start")
}

func (s *server) stop() {
	if s.dir == "" {
		return
	}
	if err := s.as("pg_ctl", "-D", filepath.Join(s.dir, "data"), "-m", "immediate", "-w", "stop"); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = os.RemoveAll(s.dir)
}

// as runs one of the server's programs, which refuse to run as root.
func (s *server) as(program string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if program == "pg_ctl" { // the server would keep a pipe open
		cmd.Stdout, cmd.Stderr = nil, nil
	}
	if os.Getuid() == 0 {
		uid, gid, err := postgresUser()
		if err != nil {
			return err
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out.String())
	}
	return nil
}

func postgresUser() (uid, gid int, err error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, err
	}
	uid, err = strconv.Atoi(u.Uid)
	if err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(u.Gid)
	return uid, gid, err
}

func majorOf(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

func (s *server) url(user, password, database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", user, password, s.port, database)
}

func (s *server) admin(database string) string { return s.url("admin", "s3cret", database) }

// newDatabase makes a database owned by a role that is no superuser but may
// create databases, and returns that role's URL.
func newDatabase(t *testing.T, sql ...string) string {
	t.Helper()
	name := fmt.Sprintf("t%d", pg.count.Add(1))
	exec1(t, pg.admin("postgres"), fmt.Sprintf(`CREATE ROLE %s LOGIN CREATEDB PASSWORD 'pw-%s'`, name, name))
	exec1(t, pg.admin("postgres"), fmt.Sprintf(`CREATE DATABASE %s OWNER %s`, name, name))
	url := pg.url(name, "pw-"+name, name)
	for _, s := range sql {
		exec1(t, url, s)
	}
	return url
}

func open(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn := openContext(t, t.Context(), url)
	t.Cleanup(func() { hangUp(conn) })
	return conn
}

func openContext(t *testing.T, ctx context.Context, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func exec1(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer hangUp(conn)
	if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func ask[T any](t *testing.T, url, sql string) T {
	t.Helper()
	var v T
	if err := open(t, url).QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func backup(t *testing.T, url string) (Backup, error) {
	t.Helper()
	return TakeBackup(t.Context(), BackupOptions{URL: url, Dir: t.TempDir(), Tools: pg.bin})
}

// wantError asserts kind, and that the message is one line without a password.
func wantError(t *testing.T, err error, kind Kind, words ...string) {
	t.Helper()
	var known *Error
	if !errors.As(err, &known) {
		t.Fatalf("got %v, want an error of kind %q", err, kind)
	}
	if known.Kind != kind {
		t.Errorf("kind is %q, want %q: %v", known.Kind, kind, err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error()+known.Advice, word) {
			t.Errorf("no %q in: %v (%s)", word, err, known.Advice)
		}
	}
	for _, secret := range []string{"s3cret", "pw-t"} {
		if strings.Contains(err.Error()+known.Advice, secret) {
			t.Errorf("the password leaks: %v", err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
}

// scratchDatabases are the ones that exist right now.
func scratchDatabases(t *testing.T) []string {
	t.Helper()
	conn := open(t, pg.admin("postgres"))
	names, err := collect(t.Context(), conn, pgx.RowTo[string], `SELECT datname::text FROM pg_database WHERE datname LIKE 'slipway%'`)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
