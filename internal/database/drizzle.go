package database

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// DefaultJournal is where drizzle-kit records what it applied.
const DefaultJournal = "drizzle.__drizzle_migrations"

// MigrationFile is one migration of the folder.
type MigrationFile struct {
	Name string `json:"name"` // as in 0003_add_badges
	SQL  string `json:"sql"`
	Hash string `json:"hash"` // SHA-256 of the file, as the journal table has it
	When int64  `json:"when"` // when it was generated, in milliseconds; what the migrator goes by
}

// Drift is a migration of which folder and database tell different stories.
type Drift struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Plan is what the migrator would do, and what it would not notice.
type Plan struct {
	Pending []MigrationFile `json:"pending"`
	Applied int             `json:"applied"`
	Drift   []Drift         `json:"drift"`
}

// record is one row of the journal table.
type record struct {
	Hash string
	When int64
}

// Pending compares the folder of migrations with the journal table.
func Pending(ctx context.Context, rawURL, dir, journalTable string) (Plan, error) {
	a, err := ParseURL(rawURL)
	if err != nil {
		return Plan{}, err
	}
	files, err := ReadMigrations(dir)
	if err != nil {
		return Plan{}, err
	}
	conn, err := connect(ctx, a)
	if err != nil {
		return Plan{}, err
	}
	defer hangUp(conn)
	applied, err := readJournal(ctx, conn, journalTable)
	if err != nil {
		return Plan{}, explain(ctx, "read the journal of migrations in "+a.String(), err)
	}
	return plan(files, applied), nil
}

// ReadMigrations reads a Drizzle folder: meta/_journal.json and the SQL files it names.
func ReadMigrations(dir string) ([]MigrationFile, error) {
	doing := "read the migrations in " + dir
	const hint = "the folder is the `out` of drizzle.config.ts: it holds meta/_journal.json and the SQL files"
	content, err := os.ReadFile(filepath.Join(dir, "meta", "_journal.json"))
	if err != nil {
		return nil, fail(Failed, doing, err, hint)
	}
	files, err := parseJournal(content)
	if err != nil {
		return nil, fail(Failed, doing, fmt.Errorf("meta/_journal.json: %w", err), hint)
	}
	for i := range files {
		sql, err := os.ReadFile(filepath.Join(dir, files[i].Name+".sql"))
		if err != nil {
			return nil, fail(Failed, doing, err, "the journal names it: restore the file, or generate the migrations again")
		}
		sum := sha256.Sum256(sql)
		files[i].SQL, files[i].Hash = string(sql), hex.EncodeToString(sum[:])
	}
	return files, nil
}

// parseJournal reads what drizzle-kit writes to meta/_journal.json.
func parseJournal(content []byte) ([]MigrationFile, error) {
	var journal struct {
		Version json.RawMessage `json:"version"`
		Dialect string          `json:"dialect"`
		Entries *[]struct {
			Tag  string `json:"tag"`
			When int64  `json:"when"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(content, &journal); err != nil {
		return nil, err
	}
	if journal.Entries == nil {
		return nil, errors.New("it has no entries")
	}
	if d := journal.Dialect; d != "" && d != "postgresql" && d != "pg" {
		return nil, fmt.Errorf("its dialect is %q, not postgresql", d)
	}
	var files []MigrationFile
	seen := map[string]bool{}
	for i, e := range *journal.Entries {
		switch {
		case e.Tag == "" || e.Tag != filepath.Base(e.Tag) || strings.ContainsAny(e.Tag, "\x00\\") || e.Tag == "." || e.Tag == "..":
			return nil, fmt.Errorf("entry %d: tag %q is not the name of a file", i, e.Tag)
		case seen[e.Tag]:
			return nil, fmt.Errorf("entry %d: %s is there twice", i, e.Tag)
		case e.When <= 0:
			return nil, fmt.Errorf("entry %d: %s has no time", i, e.Tag)
		}
		seen[e.Tag] = true
		files = append(files, MigrationFile{Name: e.Tag, When: e.When})
	}
	return files, nil
}

// readJournal returns what was applied; nothing where there is no table yet.
func readJournal(ctx context.Context, conn *pgx.Conn, table string) ([]record, error) {
	schema, name := splitTable(table)
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, quote(schema, name)).Scan(&exists); err != nil || !exists {
		return nil, err
	}
	return collect(ctx, conn, pgx.RowToStructByPos[record], `SELECT hash, coalesce(created_at, 0)::bigint FROM `+quote(schema, name)+` ORDER BY 2, 1`)
}

func splitTable(table string) (schema, name string) {
	if table == "" {
		table = DefaultJournal
	}
	if schema, name, ok := strings.Cut(table, "."); ok {
		return schema, name
	}
	return "public", table
}

// plan goes by the migrator's own rule: what was generated later than the newest
// one applied is pending, whatever the hashes say. So it passes over a changed
// file silently, and over one that was merged with an older time. Those are drift.
func plan(files []MigrationFile, applied []record) Plan {
	p := Plan{Pending: []MigrationFile{}, Drift: []Drift{}, Applied: len(applied)}
	hashes := map[int64]string{}
	newest := int64(0)
	for _, r := range applied {
		hashes[r.When] = r.Hash
		newest = max(newest, r.When)
	}
	known := map[int64]bool{}
	for _, f := range files {
		known[f.When] = true
		hash, done := hashes[f.When]
		switch {
		case done && hash != f.Hash:
			p.Drift = append(p.Drift, Drift{f.Name, "its file was changed after it was applied"})
		case done:
		case f.When > newest:
			p.Pending = append(p.Pending, f)
		default:
			p.Drift = append(p.Drift, Drift{f.Name, "it was never applied and never will be: it is older than the newest one applied"})
		}
	}
	for _, r := range applied {
		if !known[r.When] {
			p.Drift = append(p.Drift, Drift{"hash " + r.Hash[:min(12, len(r.Hash))] + " of " + strconv.FormatInt(r.When, 10), "it was applied and is not in the folder"})
		}
	}
	return p
}

// names of migrations, for a sentence.
func names(files []MigrationFile) string {
	var all []string
	for _, f := range files {
		all = append(all, f.Name)
	}
	return some(all)
}

func (p Plan) driftError(doing string) error {
	if len(p.Drift) == 0 {
		return nil
	}
	var all []string
	for _, d := range p.Drift {
		all = append(all, d.Name+": "+d.Reason)
	}
	slices.Sort(all)
	return failf(Drifted, doing, "migrate from the branch that the database was migrated from, or write a new migration instead of changing an old one", "folder and database tell different stories: %s", some(all))
}
