package database

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
)

// ManifestSuffix is that of the file beside a dump that says what it holds.
const ManifestSuffix = ".json"

// manifest is what a dump held when it was taken, for a restore that comes later.
type manifest struct {
	SHA256    string              `json:"sha256"`
	Of        identity            `json:"of"`
	Taken     time.Time           `json:"taken"`
	Tables    []TableCheck        `json:"tables"`
	Objects   []object            `json:"objects"`
	Sequences map[string]sequence `json:"sequences"`
	// Later are the sequences as they stood when the dump was done.
	Later  map[string]sequence `json:"later"`
	Writes map[string]writes   `json:"writes"`
	// Counting is since when Writes are counted.
	Counting counting `json:"counting"`
}

// writes are the counters of a table's statistics.
type writes struct {
	Inserts int64 `json:"inserts"`
	Updates int64 `json:"updates"`
	Deletes int64 `json:"deletes"`
}

func (w writes) total() int64 { return w.Inserts + w.Updates + w.Deletes }

// contents are what a restore of the dump must hold.
func (m manifest) contents() contents {
	return contents{tables: m.Tables, objects: m.Objects, sequences: m.Sequences}
}

func (m manifest) write(dump string) error {
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(dump+ManifestSuffix, data, 0o600)
}

// readManifest reads what a dump must hold, and checks that it is that dump.
func readManifest(dump string) (m manifest, err error) {
	doing := "read the backup " + dump
	data, err := os.ReadFile(dump + ManifestSuffix)
	if err != nil {
		return m, explainFile(doing, dump, err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, failf(Unproven, doing, "take a backup that is whole", "its manifest is damaged: %w", err)
	}
	sum, _, err := digest(dump)
	switch {
	case err != nil:
		return m, explainFile(doing, dump, err)
	case sum != m.SHA256:
		return m, fail(Unproven, doing, errors.New("the file is not the one that was verified"), "take another backup; this one was changed")
	}
	return m, nil
}

// Digest is the SHA-256 of a backup that is still the one that was verified.
func Digest(dump string) (string, error) {
	m, err := readManifest(dump)
	return m.SHA256, err
}

// readWrites reads the counters that the server keeps for each table.
func readWrites(ctx context.Context, conn *pgx.Conn) (map[string]writes, error) {
	type row struct {
		Name string
		writes
	}
	rows, err := collect(ctx, conn, func(r pgx.CollectableRow) (row, error) {
		var v row
		err := r.Scan(&v.Name, &v.Inserts, &v.Updates, &v.Deletes)
		return v, err
	}, `SELECT format('%I.%I', schemaname, relname), n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables`)
	if err != nil {
		return nil, fmt.Errorf("read the statistics of tables: %w", err)
	}
	all := map[string]writes{}
	for _, r := range rows {
		all[r.Name] = r.writes
	}
	return all, nil
}
