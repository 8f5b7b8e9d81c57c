package database

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// verify restores a dump into a scratch database and compares it with what the
// snapshot held. The scratch database is gone afterwards in every case.
func verify(ctx context.Context, a Address, t tools, jobs int, path string, want contents, later map[string]sequence, progress func(string)) (remarks []string, err error) {
	doing := "verify the backup of " + a.String()
	s, err := makeScratch(ctx, a, progress)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.drop()) }()

	// Staying connected keeps other runs from taking it for a leftover.
	var conns []*pgx.Conn
	defer func() {
		for _, conn := range conns {
			hangUp(conn)
		}
	}()
	for range jobs {
		conn, err := connect(ctx, s.Address)
		if err != nil {
			return nil, err
		}
		conns = append(conns, conn)
	}
	progress("restoring into " + s.Database)
	if err := restore(ctx, s.Address, t, jobs, path); err != nil {
		return nil, err
	}
	got, err := readContents(ctx, conns, func(n, of int) {
		progress(fmt.Sprintf("compared %d of %s", n, plural(of, "table")))
	})
	if err != nil {
		return nil, explain(ctx, doing, err)
	}
	differences, remarks := compare(want, later, got)
	if len(differences) > 0 {
		return remarks, failf(Unproven, doing, "do not rely on this dump; the file is kept as .unverified", "the restored dump is not the database: %s", strings.Join(differences, "; "))
	}
	return remarks, nil
}

// readContents reads all that is compared, over connections nobody else writes past.
func readContents(ctx context.Context, conns []*pgx.Conn, progress func(n, of int)) (c contents, err error) {
	if c.objects, err = readCatalog(ctx, conns[0]); err != nil {
		return c, err
	}
	if c.tables, err = listTables(ctx, conns[0]); err != nil {
		return c, err
	}
	if c.sequences, err = readSequences(ctx, conns[0]); err != nil {
		return c, err
	}
	return c, countTables(ctx, conns, c.tables, func(n int) { progress(n, len(c.tables)) })
}

// restore runs pg_restore. Owners and rights are left out: they belong to roles
// of the server, which the scratch database shares.
func restore(ctx context.Context, a Address, t tools, jobs int, path string) error {
	doing := "restore the backup into " + a.Database
	err := run(ctx, a, t.restore,
		fmt.Sprintf("--jobs=%d", jobs), "--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions", "--no-tablespaces",
		"--no-password", "--dbname="+a.Database, path)
	var tool *toolError
	if err == nil || ctx.Err() != nil || !errors.As(err, &tool) {
		return explainTool(ctx, doing, path, err)
	}
	complaints := complaints(tool.stderr)
	if len(complaints) == 0 && strings.Contains(tool.stderr, "errors ignored on restore") {
		return nil
	}
	explained := explainTool(ctx, doing, path, err)
	var known *Error
	if errors.As(explained, &known) && known.Infrastructure() && known.Kind != Denied {
		return explained
	}
	if len(complaints) == 0 {
		complaints = []string{firstError(tool.stderr)}
	}
	return failf(Unproven, doing, "do not rely on this dump; the file is kept as .unverified", "%s: %s", plural(len(complaints), "error"), some(complaints))
}

// complaints are the errors of a restore, without those that a newer client's
// settings cause on an older server.
func complaints(stderr string) (found []string) {
	for line := range strings.Lines(stderr) {
		if !strings.Contains(line, "pg_restore: error:") {
			continue
		}
		if strings.Contains(line, "unrecognized configuration parameter") {
			continue
		}
		line = strings.TrimSpace(strings.TrimPrefix(line, "pg_restore: error: "))
		found = append(found, strings.TrimPrefix(line, "could not execute query: "))
	}
	return found
}
