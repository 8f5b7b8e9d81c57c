package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Lifetime of a plan: after it, the environment has to be looked at anew.
const Lifetime = 24 * time.Hour

// Evidence is what was learnt for a plan: when it was made, the backup that was
// restored and compared, how the checks ended. Times belong here, so that a plan
// can be made again and be the same.
type Evidence struct {
	// Plan is the digest of the plan that this is for.
	Plan    string    `json:"plan"`
	Made    time.Time `json:"made"`
	Expires time.Time `json:"expires"`
	Items   []Item    `json:"items"`
	// Run is the attempt of a workflow's run that made the plan, as
	// owner/name/run/attempt; what was approved for one is no approval for another.
	Run string `json:"run,omitempty"`
	// Nonce makes the approval digest one that nobody can know before.
	Nonce string `json:"nonce,omitempty"`
}

// Kinds of evidence.
const (
	Check  = "check"
	Backup = "backup"
)

// Item is one thing that was learnt.
type Item struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// SHA256 of what it is about: the backup's file, the check's log.
	SHA256 string    `json:"sha256"`
	At     time.Time `json:"at"`
	// Passed says that the check passed, or that the backup was restored and compared.
	Passed bool `json:"passed"`
	// File is what it is about, if it is kept where the plan was made.
	File string `json:"file,omitempty"`
	// Detail is for people.
	Detail string `json:"detail,omitempty"`
}

// Path of its file, whose place is the folder of the plan unless it is absolute.
func (i Item) Path(folder string) string {
	if filepath.IsAbs(i.File) {
		return i.File
	}
	return filepath.Join(folder, i.File)
}

// NewEvidence begins the evidence for a plan made now. Times are in UTC and of
// whole seconds.
func NewEvidence(planDigest string, now time.Time, items ...Item) *Evidence {
	now = now.UTC().Truncate(time.Second)
	if items == nil {
		items = []Item{}
	}
	for i := range items {
		items[i].At = items[i].At.UTC().Truncate(time.Second)
	}
	return &Evidence{Plan: planDigest, Made: now, Expires: now.Add(Lifetime), Items: items}
}

// Item returns the evidence of a kind and name, nil if there is none. With an
// empty name it is the first of its kind.
func (e *Evidence) Item(kind, name string) *Item {
	i := slices.IndexFunc(e.Items, func(i Item) bool { return i.Kind == kind && (name == "" || i.Name == name) })
	if i < 0 {
		return nil
	}
	return &e.Items[i]
}

// Files compares the files that are at hand with their hashes in the evidence. A
// file that is not here, as on another machine, is no error: its hash is approved.
func (e *Evidence) Files(folder string) error {
	var reasons []string
	for _, i := range e.Items {
		if i.File == "" {
			continue
		}
		file := i.Path(folder)
		data, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return fmt.Errorf("read the evidence: %w", err)
		}
		hash := sha256.New()
		_, err = io.Copy(hash, data)
		if err = errors.Join(err, data.Close()); err != nil {
			return fmt.Errorf("read the evidence: %w", err)
		}
		if sum := hex.EncodeToString(hash.Sum(nil)); sum != i.SHA256 {
			reasons = append(reasons, fmt.Sprintf("%s %s: %s is not the file that the evidence is of", i.Kind, i.Name, file))
		}
	}
	if len(reasons) > 0 {
		return &RefusedError{Plan: e.Plan, Reasons: reasons}
	}
	return nil
}

// approved is what an approval digest covers.
type approved struct {
	Plan     string    `json:"plan"`
	Made     time.Time `json:"made"`
	Expires  time.Time `json:"expires"`
	Evidence []string  `json:"evidence"`
	Run      string    `json:"run,omitempty"`
	Nonce    string    `json:"nonce,omitempty"`
}

// Approval is the digest that people approve: it covers the plan and each piece
// of evidence by its own digest.
func Approval(p *Plan, e *Evidence) (string, error) {
	digest, err := p.Digest()
	if err != nil {
		return "", err
	}
	a := approved{Plan: digest, Made: e.Made, Expires: e.Expires, Evidence: []string{}, Run: e.Run, Nonce: e.Nonce}
	for _, item := range e.Items {
		d, err := Digest(item)
		if err != nil {
			return "", err
		}
		a.Evidence = append(a.Evidence, d)
	}
	return Digest(a)
}
