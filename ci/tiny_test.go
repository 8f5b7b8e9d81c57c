package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/teei/slipway/testenv/testenv"
)

// corner is a copy of the smallest platform, with a database, a namespace and a
// part of the registry of its own, all of it an environment of its own.
type corner struct {
	root, database, namespace, registry, environment string
	env                                              []string // for launch
}

func tiny(t *testing.T) corner {
	t.Helper()
	c := corner{root: t.TempDir(), database: testenv.Database(t), namespace: testenv.Namespace(t), environment: testenv.Environment(t)}
	if err := os.CopyFS(c.root, os.DirFS("testdata/tiny")); err != nil {
		t.Fatal(err)
	}
	env := testenv.Env(t)
	host, _, _ := strings.Cut(env["SLIPWAY_REGISTRY"], "/")
	c.registry = host + "/" + c.namespace
	replace(t, c.root, "slipway.yaml", "private:", c.environment+":")
	replace(t, c.root, "slipway.yaml", "NAMESPACE", c.namespace)
	replace(t, c.root, "slipway.yaml", "REGISTRY", c.registry)
	c.env = []string{"KUBECONFIG=" + env["KUBECONFIG"], "DATABASE_URL=" + c.database}
	return c
}

// launch starts ci on the corner.
func (c corner) launch(t *testing.T, args ...string) *process {
	t.Helper()
	return launch(t, c.env, append(args, "--root", c.root, "--env", c.environment)...)
}

// query asks the database for one text.
func (c corner) query(t *testing.T, sql string, args ...any) (text string) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	conn, err := pgx.Connect(ctx, c.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if err := conn.QueryRow(ctx, sql, args...).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

// execute runs statements in the database.
func (c corner) execute(t *testing.T, sql string) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	conn, err := pgx.Connect(ctx, c.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// tables lists what migrations made.
func (c corner) tables(t *testing.T) string {
	t.Helper()
	return c.query(t, `SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`)
}

// runs is what the service is, with its image.
func (c corner) runs(t *testing.T) string {
	t.Helper()
	return testenv.Kubectl(t, "--namespace", c.namespace, "get", "deployments", "--output", "jsonpath={.items[*].spec.template}")
}
