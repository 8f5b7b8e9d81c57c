package database

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Schema is all that is defined in a database, without its rows. Two databases
// with the same digest have the same tables, types, functions and so on.
type Schema struct {
	Digest string
	Text   string // a line for each object, sorted
}

// Fingerprint reads the schema. It waits for a migration in progress, whose
// locks are in the way.
func Fingerprint(ctx context.Context, rawURL string) (Schema, error) {
	a, err := ParseURL(rawURL)
	if err != nil {
		return Schema{}, err
	}
	conn, err := connect(ctx, a)
	if err != nil {
		return Schema{}, err
	}
	defer hangUp(conn)
	return fingerprint(ctx, a, conn)
}

func fingerprint(ctx context.Context, a Address, conn *pgx.Conn) (Schema, error) {
	objects, err := readCatalog(ctx, conn)
	if err != nil {
		return Schema{}, explain(ctx, "read the schema of "+a.String(), err)
	}
	return schemaOf(objects), nil
}

func schemaOf(objects []object) Schema {
	lines := make([]string, len(objects))
	for i, o := range objects {
		lines[i] = fmt.Sprintf("%s %s: %s", o.Kind, o.Name, strings.Join(strings.Fields(o.Definition), " "))
	}
	slices.Sort(lines)
	text := strings.Join(lines, "\n")
	sum := sha256.Sum256([]byte(text))
	return Schema{Digest: hex.EncodeToString(sum[:]), Text: text}
}

// Changes lists what another schema has in addition (+), lacks (-) or defines
// otherwise (~).
func (s Schema) Changes(after Schema) (changes []string) {
	before, now := s.objects(), after.objects()
	for key, definition := range before {
		other, ok := now[key]
		switch {
		case !ok:
			changes = append(changes, "- "+key)
		case other != definition:
			changes = append(changes, "~ "+key)
		}
	}
	for key := range now {
		if _, ok := before[key]; !ok {
			changes = append(changes, "+ "+key)
		}
	}
	slices.SortFunc(changes, func(a, b string) int { return strings.Compare(a[2:]+a[:1], b[2:]+b[:1]) })
	return changes
}

// changesBeside is Changes without tables that were made just now to note things
// in: a migrator makes its own before the migrations, and it stays when they fail.
// What counts of it are its rows.
func (s Schema) changesBeside(after Schema, tables ...string) []string {
	return slices.DeleteFunc(s.Changes(after), func(change string) bool {
		return slices.ContainsFunc(tables, func(table string) bool {
			schema, name := splitTable(table)
			return change == "+ schema "+schema || strings.HasPrefix(change, "+ ") && strings.Contains(change, schema+"."+name)
		})
	})
}

func (s Schema) objects() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(s.Text) {
		key, definition, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		m[key] = definition
	}
	return m
}

// settle reads the schema and the journal after a command has ended, however it
// did. A command that was killed leaves its session behind, which may still
// commit: what holds a lock that only DDL takes is waited for.
func settle(ctx context.Context, a Address, journal string, patience time.Duration) (Schema, []record, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience+30*time.Second)
	defer cancel()
	conn, err := connect(ctx, a)
	if err != nil {
		return Schema{}, nil, err
	}
	defer hangUp(conn)
	doing := "read the schema of " + a.String()
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) { // the server has nothing to be woken by
		busy, err := strongLocks(ctx, conn)
		if err != nil {
			return Schema{}, nil, explain(ctx, doing, err)
		}
		if len(busy) == 0 {
			break
		}
		if time.Now().After(deadline) {
			return Schema{}, nil, failf(Held, doing, "see whether that session is a leftover of the migration, and end it with pg_terminate_backend", "still locked: %s", some(busy))
		}
	}
	schema, err := fingerprint(ctx, a, conn)
	if err != nil {
		return schema, nil, err
	}
	applied, err := readJournal(ctx, conn, journal)
	return schema, applied, explain(ctx, "read the journal of migrations in "+a.String(), err)
}
