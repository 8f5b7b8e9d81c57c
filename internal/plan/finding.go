package plan

import (
	"slices"
	"strings"
	"time"
)

// How a finding ended.
const (
	Pass   = "pass"
	Fail   = "fail"
	Waived = "waived" // it failed, and a person decided that it does not matter this time
)

// Finding is one thing that was looked at before a release, with what shows it.
type Finding struct {
	// ID is its kind, such as checks, and where there are several of a kind what it is about: checks/test.
	ID     string `json:"id"`
	Status string `json:"status"`
	// Text is what was found, in a sentence.
	Text string `json:"text"`
	// Advice is what to do about it, "" where it passed.
	Advice string `json:"advice,omitempty"`
	// Link leads to where it can be seen.
	Link   string  `json:"link,omitempty"`
	Waiver *Waiver `json:"waiver,omitempty"`
}

// Kind is the part of the ID that waivers name.
func (f Finding) Kind() string {
	kind, _, _ := strings.Cut(f.ID, "/")
	return kind
}

// Waiver says who decided that a finding does not matter this time.
type Waiver struct {
	By    string    `json:"by"`
	Why   string    `json:"why"`
	Until time.Time `json:"until"`
}

// Failed are the findings that stand in the way.
func Failed(findings []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Status != Fail })
}

// FindingsFile is that of the findings in the folder of a plan.
const FindingsFile = "findings.json"

// Preflight is the kind of evidence that the findings are.
const Preflight = "preflight"
