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
// the hash of its log, and the backup with that of its file. The logs are copied
// into the folder of the plan: there they go where it goes, and the next run of ci
// writes none over them.
func (r Report) Evidence(folder string) ([]plan.Item, error) {
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
			var err error
			if item.SHA256, item.File, err = keepLog(s, folder); err != nil {
				return nil, err
			}
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

// keepLog copies the log of a stage into the folder of a plan, and returns its hash
// and its place there, which has the hash too: two runs may have the same check.
func keepLog(s Stage, folder string) (hash, file string, err error) {
	data, err := os.ReadFile(s.Log)
	if err != nil {
		return "", "", fmt.Errorf("read the log of %s: %w", s.Name, err)
	}
	sum := sha256.Sum256(data)
	hash = hex.EncodeToString(sum[:])
	file = filepath.Join("evidence", filepath.Base(s.Name)+"-"+hash[:12]+".log")
	if err := replaceFile(filepath.Join(folder, file), data); err != nil {
		return "", "", fmt.Errorf("keep the log of %s: %w", s.Name, err)
	}
	return hash, file, nil
}
