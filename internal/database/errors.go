package database

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Kind says what sort of trouble an Error is.
type Kind string

// The kinds of trouble. BadURL is a mistake in usage, the second group is
// infrastructure: nothing is known about the platform itself yet.
const (
	BadURL Kind = "bad URL" // the address itself is wrong

	Unreachable Kind = "unreachable"    // nothing answers, or not as PostgreSQL
	Denied      Kind = "access denied"  // wrong password, unknown user, missing right
	NoDatabase  Kind = "no database"    // the server has no such database
	NoTools     Kind = "tools missing"  // pg_dump or pg_restore is not on PATH
	OldClient   Kind = "client too old" // pg_dump is older than the server
	DiskFull    Kind = "disk full"      // here or on the server
	Held        Kind = "lock held"      // somebody else migrates or holds a table

	Refused   Kind = "refused"   // it could not be verified, so it is not begun
	Unproven  Kind = "unproven"  // the dump did not restore, or restored to something else
	Drifted   Kind = "drifted"   // what was applied is not what the folder holds
	Migration Kind = "migration" // the platform's migrate command failed
	Failed    Kind = "failed"    // anything else
)

// Error is an operation on a database that did not succeed.
type Error struct {
	Kind   Kind
	Doing  string // verb and object: "dump teei at db:5432"
	Cause  error  // never holds a password
	Advice string // what to do about it
}

func (e *Error) Error() string { return e.Doing + ": " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Hint says what to do about it.
func (e *Error) Hint() string { return e.Advice }

// Usage tells whether what was given is wrong, so that nothing was tried.
func (e *Error) Usage() bool { return e.Kind == BadURL }

// Infrastructure tells whether the surroundings failed, not the platform.
func (e *Error) Infrastructure() bool {
	switch e.Kind {
	case Unreachable, Denied, NoDatabase, NoTools, OldClient, DiskFull, Held:
		return true
	}
	return false
}

func fail(kind Kind, doing string, cause error, hint string) error {
	return &Error{Kind: kind, Doing: doing, Cause: cause, Advice: hint}
}

func failf(kind Kind, doing, hint, format string, args ...any) error {
	return fail(kind, doing, fmt.Errorf(format, args...), hint)
}

// explain turns what the driver says into one sentence and its kind. An error
// that is explained already stays as it is; so does a cancelled context.
func explain(ctx context.Context, doing string, err error) error {
	var known *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return explainServer(doing, pg, err)
	}
	var (
		netErr net.Error
		dns    *net.DNSError
		op     *net.OpError
		dial   *pgconn.ConnectError
	)
	switch {
	case errors.As(err, &dns):
		return failf(Unreachable, doing, "check the host name in the database URL, and that this machine may resolve it", "the host %q is not known", dns.Name)
	case errors.As(err, &netErr) && netErr.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return failf(Unreachable, doing, "a firewall, a wrong port, or a private network that this machine is not part of", "no answer in time")
	case errors.As(err, &op):
		return failf(Unreachable, doing, "check that PostgreSQL runs there, host and port in the database URL, and firewalls on the way", "nothing answers there: %w", op.Err)
	case errors.As(err, &dial):
		return fail(Unreachable, doing, errors.New(lastLine(dial.Error())), "check sslmode in the database URL, and that PostgreSQL is what listens there")
	}
	return fail(Failed, doing, err, "")
}

func explainServer(doing string, pg *pgconn.PgError, err error) error {
	switch {
	case pg.Code == "28P01":
		return fail(Denied, doing, errors.New("wrong password, or no such user"), "check user and password in the database URL; special characters in a password must be percent-encoded")
	case strings.HasPrefix(pg.Code, "28"):
		return fail(Denied, doing, errors.New(pg.Message), "check the user in the database URL, and pg_hba.conf on the server")
	case pg.Code == "3D000":
		return fail(NoDatabase, doing, errors.New(pg.Message), "check the last part of the database URL, or create the database")
	case pg.Code == "42501":
		return fail(Denied, doing, errors.New(pg.Message), "grant the right, or use the role that owns the objects")
	case pg.Code == "53300":
		return fail(Unreachable, doing, errors.New(pg.Message), "the server has no connection left: raise max_connections or close idle ones")
	case pg.Code == "53100":
		return fail(DiskFull, doing, fmt.Errorf("the database server's disk is full: %s", pg.Message), "free space on the database server")
	case pg.Code == "55P03":
		return fail(Held, doing, errors.New(pg.Message), "another session holds a strong lock: wait for its migration or maintenance to end")
	case pg.Code == "57P01", pg.Code == "57P02", pg.Code == "57P03", strings.HasPrefix(pg.Code, "08"):
		return fail(Unreachable, doing, errors.New(pg.Message), "the server is starting, stopping or was restarted: try again when it is up")
	}
	return fail(Failed, doing, err, pg.Hint)
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
