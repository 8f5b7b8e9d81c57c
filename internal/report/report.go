// Package report shows what a run did, on a terminal, as Markdown and as JSON.
// It renders results and decides nothing.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Status is how a stage ended.
type Status string

// The ways a stage can end.
const (
	Passed    Status = "passed"
	Failed    Status = "failed"
	Skipped   Status = "skipped"   // not asked for, or nothing to do
	Cancelled Status = "cancelled" // Ctrl-C, a time-out, or another stage that failed first
)

// Report is what a run did, in the shape of report.json.
type Report struct {
	Platform string     `json:"platform,omitempty"`
	Target   string     `json:"target,omitempty"` // the environment, or sandbox
	Commit   string     `json:"commit,omitempty"`
	Started  *time.Time `json:"started,omitempty"`

	Stages []Stage `json:"stages"`
	Images []Image `json:"images"`
	Backup *Backup `json:"backup,omitempty"`
	// Release is its name in the ledger, such as production #42.
	Release  string    `json:"release,omitempty"`
	Services []Service `json:"services"`
	// Runs is what the environment runs now, in a sentence.
	Runs string `json:"runs,omitempty"`
}

// Stage is one part of the run.
type Stage struct {
	Name    string  `json:"name"`
	Status  Status  `json:"status"`
	Seconds float64 `json:"seconds"`
	Log     string  `json:"log"` // file with its output
	Error   string  `json:"error,omitempty"`
	Hint    string  `json:"hint,omitempty"`
	Repeat  string  `json:"repeat,omitempty"` // command that runs just this stage again
	Note    string  `json:"note,omitempty"`   // such as why it was skipped
	Places  []Place `json:"places,omitempty"` // where in the sources it failed
}

// Image is one that was pushed.
type Image struct {
	Service string `json:"service"`
	Digest  string `json:"digest"`
}

// Backup is the dump that was taken.
type Backup struct {
	Path     string `json:"path"`
	SHA256   string `json:"sha256"`
	Tables   int    `json:"tables"` // compared with the restored ones
	Verified bool   `json:"verified"`
	Bytes    int64  `json:"bytes,omitempty"`
}

// Service is one that was released.
type Service struct {
	Name    string  `json:"name"`
	Order   int     `json:"order"`
	Port    int     `json:"port"`
	Image   string  `json:"image"`
	Healthy bool    `json:"healthy"` // with this image
	Seconds float64 `json:"seconds"`
	// Outcome is released, unchanged, restored, failed or not reached.
	Outcome string `json:"outcome"`
}

// WriteJSON writes the report to a file, all of it or nothing.
func (r Report) WriteJSON(path string) error {
	// An absent list is an empty one to whoever reads the file.
	if r.Stages == nil {
		r.Stages = []Stage{}
	}
	if r.Images == nil {
		r.Images = []Image{}
	}
	if r.Services == nil {
		r.Services = []Service{}
	}
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := replaceFile(path, append(content, '\n')); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func replaceFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already when all went well
	_, err = file.Write(content)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chmod(file.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	return err
}

// Failures are the stages that failed.
func (r Report) Failures() (failed []Stage) {
	for _, s := range r.Stages {
		if s.Status == Failed {
			failed = append(failed, s)
		}
	}
	return failed
}

func byteCount(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
