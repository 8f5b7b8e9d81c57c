package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/teei/slipway/internal/plan"
)

// Read reads a report.json.
func Read(path string) (Report, error) {
	var r Report
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		return r, fmt.Errorf("read the report: %w", err)
	}
	// A report that was brought from another machine has its logs beside it.
	for i, s := range r.Stages {
		beside := filepath.Join(filepath.Dir(path), "logs", filepath.Base(s.Log))
		if _, err := os.Stat(s.Log); s.Log != "" && os.IsNotExist(err) {
			r.Stages[i].Log = beside
		}
	}
	return r, nil
}

// notEvidence are the stages that change something, or prove nothing by themselves.
var notEvidence = []string{"images", "backup", "migrate", "deploy", "plan", "dev"}

// Evidence is what a run of ci learnt for a plan: the checks that ran, each with
// the hash of its log, and the backup with that of its file.
func (r Report) Evidence() ([]plan.Item, error) {
	var at time.Time
	if r.Started != nil {
		at = *r.Started
	}
	var items []plan.Item
	for _, s := range r.Stages {
		if slices.Contains(notEvidence, s.Name) || s.Status == Skipped {
			continue
		}
		item := plan.Item{Kind: plan.Check, Name: s.Name, At: at, Passed: s.Status == Passed, Detail: string(s.Status)}
		if s.Log != "" {
			data, err := os.ReadFile(s.Log)
			if err != nil {
				return nil, fmt.Errorf("read the log of %s: %w", s.Name, err)
			}
			sum := sha256.Sum256(data)
			item.SHA256 = hex.EncodeToString(sum[:])
		}
		items = append(items, item)
	}
	if b := r.Backup; b != nil {
		items = append(items, plan.Item{
			Kind: plan.Backup, Name: "database", SHA256: b.SHA256, At: at, Passed: b.Verified, File: b.Path,
			Detail: Count(b.Tables, "table") + " restored and compared",
		})
	}
	return items, nil
}
