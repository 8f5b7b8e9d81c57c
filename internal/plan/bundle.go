package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The files of a plan in its folder.
const (
	File         = "plan.json"
	EvidenceFile = "evidence.json"
)

// Write puts a plan and its evidence into a folder, in canonical form, so that
// sha256sum prints the plan's digest.
func Write(folder string, p *Plan, e *Evidence) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	for name, v := range map[string]any{File: p, EvidenceFile: e} {
		data, err := Canonical(v)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), data, 0o644)
		}
		if err != nil {
			return fmt.Errorf("write the plan: %w", err)
		}
	}
	return nil
}

// Read reads what Write wrote.
func Read(folder string) (*Plan, *Evidence, error) {
	data, err := readFile(folder, File)
	if err != nil {
		return nil, nil, err
	}
	p, err := ReadPlan(data)
	if err != nil {
		return nil, nil, err
	}
	if data, err = readFile(folder, EvidenceFile); err != nil {
		return nil, nil, err
	}
	e, err := ReadEvidence(data)
	return p, e, err
}

func readFile(folder, name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &ReadError{What: "plan", Err: fmt.Errorf("there is no %s in %s", name, folder)}
	} else if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	return data, nil
}
