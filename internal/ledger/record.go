package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/teei/slipway/internal/plan"
)

// State is how far a release got.
type State string

// The states of a release. Running and Stuck are unfinished: a process died in
// the middle, or what it did could not be taken back entirely.
const (
	Running    State = "running"
	Released   State = "released"
	Failed     State = "failed" // and taken back
	RolledBack State = "rolled back"
	Stuck      State = "stuck"
)

// Finished reports whether the environment is entirely of one release.
func (s State) Finished() bool { return s != Running && s != Stuck }

// Holder is who releases.
type Holder struct {
	Person string `json:"person,omitempty"`
	Run    string `json:"run,omitempty"` // URL of the workflow run
	Host   string `json:"host,omitempty"`
	Pid    int    `json:"pid,omitempty"`
}

// Name is the person, or the run where there is none.
func (h Holder) Name() string {
	if h.Person != "" {
		return h.Person
	}
	return h.String()
}

func (h Holder) String() string {
	switch {
	case h.Run != "" && h.Person != "":
		return h.Person + " in " + h.Run
	case h.Run != "":
		return h.Run
	case h.Person != "":
		return fmt.Sprintf("%s on %s (process %d)", h.Person, h.Host, h.Pid)
	}
	return fmt.Sprintf("process %d on %s", h.Pid, h.Host)
}

// Record is all that is known of one release. It holds no secret.
type Record struct {
	Number int `json:"number"`
	// Platform, and the namespace that was released to, are in no record of an older version.
	Platform    string     `json:"platform,omitempty"`
	Environment string     `json:"environment"`
	Namespace   string     `json:"namespace,omitempty"`
	State       State      `json:"state"`
	By          Holder     `json:"by"`
	Started     time.Time  `json:"started"`
	Ended       *time.Time `json:"ended,omitempty"`
	// Source is the commit, PlatformFile the SHA-256 of slipway.yaml.
	Source       string `json:"source,omitempty"`
	PlatformFile string `json:"platformFile,omitempty"`
	// Same are later commits that were tried out here, and whose plan changed
	// nothing: a signed record has them, for who promotes one of them.
	Same []string `json:"same,omitempty"`
	// From is the release whose images were promoted, such as "staging #41".
	From string `json:"from,omitempty"`
	// Plan and Approval are the digests of what was planned and approved.
	Plan     string `json:"plan,omitempty"`
	Approval string `json:"approval,omitempty"`
	// Fence is the number of the lock's holder that wrote last.
	Fence int64 `json:"fence"`
	// RollbackTo is the release that a rollback goes back to; 0 is before the first.
	RollbackTo *int `json:"rollbackTo,omitempty"`
	// Baseline is when the oldest release began that a rollback takes back: what
	// runs after it is compared with the time before that.
	Baseline *time.Time `json:"baseline,omitempty"`
	// Images by service, as the release wants them, or as a rollback left them.
	Images map[string]string `json:"images,omitempty"`
	// Objects are those that the release wrote, before and after.
	Objects []Touched `json:"objects,omitempty"`
	// Before are the images of services that ran another one; "" is for a service that was not there.
	Before map[string]string `json:"before,omitempty"`
	// Outcomes are what became of each service: released, unchanged, restored, failed
	// or not reached. Records of older versions have none.
	Outcomes map[string]string `json:"outcomes,omitempty"`
	// Migrator is the image that applies migrations, Migrations are those that
	// the release applied, Schema is the newest one before and after it.
	Migrator   string   `json:"migrator,omitempty"`
	Migrations []string `json:"migrations,omitempty"`
	Schema     *Schema  `json:"schema,omitempty"`
	// Evidence is what was known when the release was approved: checks, and the
	// backup that the database can go back to.
	Evidence []Evidence `json:"evidence,omitempty"`
	// Variables are the keyed hashes of the values that it was released with.
	Variables map[string]Variable `json:"variables,omitempty"`
	// Approvals are who approved it, and Findings what was found before: what
	// failed and was waived is there with who waived it.
	Approvals []Approval     `json:"approvals,omitempty"`
	Findings  []plan.Finding `json:"findings,omitempty"`
	// Health is how the services were before the first write; nil if nobody looked.
	Health *Health `json:"health,omitempty"`
	Steps  []Step  `json:"steps"`
	// Logs are the last lines of the service that failed, without secrets: its pod is
	// gone once the release was taken back.
	Logs []string `json:"logs,omitempty"`
	// Verdict says in a sentence what was found at the end.
	Verdict string `json:"verdict,omitempty"`
	// Told is who was told of it: what arrived passed, with its receipt.
	Told []plan.Finding `json:"told,omitempty"`
	// Watch is what was seen in the day after; nil if nobody has looked yet.
	Watch *Watch `json:"watch,omitempty"`
	// Accepted says who decided that it stays as it was found, where it could not end by
	// itself; nil if it ended as it was meant to.
	Accepted *Acceptance `json:"accepted,omitempty"`
	// Notes are what people did to it, such as taking its lock away.
	Notes []string `json:"notes,omitempty"`
}

// Past is the end of the time that what a release left is compared with.
func (r *Record) Past() time.Time {
	if r.Baseline != nil {
		return *r.Baseline
	}
	return r.Started
}

// Standing reports whether what it changed is in the environment.
func (r *Record) Standing() bool { return r.State == Released && r.RollbackTo == nil }

// Uninstalled is the word for the end of a rollback after which nothing runs.
const Uninstalled = "uninstalled"

// Word is how it ended, for people: a rollback to before the first release is no
// release of anything where nothing ran then.
func (r *Record) Word() string {
	if r.State == Released && r.RollbackTo != nil && *r.RollbackTo == 0 && len(r.Images) == 0 {
		return Uninstalled
	}
	return string(r.State)
}

// Makes reports whether a commit makes what the release made.
func (r *Record) Makes(commit string) bool {
	return commit != "" && (r.Source == commit || slices.Contains(r.Same, commit))
}

// Schema names migrations; "" is before the first.
type Schema struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// Evidence is one thing that was learnt before a release.
type Evidence struct {
	Kind   string    `json:"kind"`
	Name   string    `json:"name"`
	SHA256 string    `json:"sha256"`
	At     time.Time `json:"at"`
	Passed bool      `json:"passed"`
	File   string    `json:"file,omitempty"`
}

// Approval of a release by a person.
type Approval struct {
	Group string `json:"group"`
	By    string `json:"by"`
	// Environment of GitHub that was reviewed, in Run.
	Environment string `json:"environment"`
	Run         string `json:"run"`
	// Digest that was approved: it covers the plan and its evidence.
	Digest  string `json:"digest"`
	Comment string `json:"comment,omitempty"`
	// Seen is when the gate saw it, or when it was given where GitHub says so: it
	// does of a comment, and not of a review.
	Seen time.Time `json:"seen"`
}

// Acceptance is a person's decision that a release stays as it was found.
type Acceptance struct {
	By Holder    `json:"by"`
	At time.Time `json:"at"`
	// Objects that were not as before.
	Objects []string `json:"objects,omitempty"`
}

// Watch is what was seen of a release since it ended.
type Watch struct {
	// Last look, and how many there were.
	Last  time.Time `json:"last"`
	Looks int       `json:"looks"`
	// Unanswered is how many looks in a row Prometheus has not answered now.
	Unanswered int `json:"unanswered,omitempty"`
	// Findings, numbered from 1 in the order in which they were found.
	Findings []Finding `json:"findings,omitempty"`
	// Proven is when the release had stayed as it should be for as long as it is watched.
	Proven *time.Time `json:"proven,omitempty"`
	// Summary of the day, once it is over.
	Summary string `json:"summary,omitempty"`
	// Dispatched is the workflow that was started to take the release back, which is done once.
	Dispatched *Dispatched `json:"dispatched,omitempty"`
}

// Dispatched is a workflow that was started for a breach.
type Dispatched struct {
	At       time.Time `json:"at"`
	Workflow string    `json:"workflow"` // its file
	To       int       `json:"to"`       // number of the release to go back to
	Link     string    `json:"link,omitempty"`
}

func (d *Dispatched) String() string {
	return fmt.Sprintf("%s was started at %s to go back to #%d", d.Workflow, d.At.UTC().Format("2006-01-02 15:04 MST"), d.To)
}

// Finding is something that should not be, the same as long as kind and subject are.
type Finding struct {
	Number  int       `json:"number"`
	Kind    string    `json:"kind"`    // health, restarts, errors, latency, logs, feedback or metrics
	Subject string    `json:"subject"` // the service, the issue, or the variable
	Text    string    `json:"text"`    // as it was first
	Breach  bool      `json:"breach,omitempty"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Count   int       `json:"count"`
	// Acknowledged says who decided that the release may stay all the same, and why.
	Acknowledged string `json:"acknowledged,omitempty"`
	// Kept says why the release was not taken back for it, though that was to be.
	Kept string `json:"kept,omitempty"`
}

// Step is one thing a release set out to do.
type Step struct {
	Name  string     `json:"name"`
	Begun time.Time  `json:"begun"`
	Ended *time.Time `json:"ended,omitempty"`
	// Error says why it failed.
	Error string `json:"error,omitempty"`
	// Answered is how many seconds the slowest healthy answer of the step's service took.
	Answered float64 `json:"answered,omitempty"`
	// Before says where it is kept how things were.
	Before []Chunk `json:"before,omitempty"`
	// Part of what is kept there that is this step's; "" is all of it.
	Part string `json:"part,omitempty"`
}

// Chunk is a part of a larger whole, in a Secret of its own.
type Chunk struct {
	Secret string `json:"secret"`
	SHA256 string `json:"sha256"`
}

// DamagedError says that a record cannot be trusted.
type DamagedError struct {
	Object string
	Err    error

	number int // of the release whose record it is, 0 for something else
}

func (e *DamagedError) Error() string { return fmt.Sprintf("read %s: %v", e.Object, e.Err) }

// Unwrap returns the cause.
func (e *DamagedError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *DamagedError) Hint() string {
	return "look at it with kubectl; once you know what it was, delete it, and the other releases stay as they are"
}
