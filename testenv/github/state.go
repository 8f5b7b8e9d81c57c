package github

import (
	"cmp"
	"crypto/rsa"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Hub is one repository on GitHub, and its organization.
type Hub struct {
	Repository string // owner/name

	mu           sync.Mutex
	runs         map[int64]*Run
	environments map[string]*Environment
	teams        map[string]map[string]string // org/team → user → state of the membership
	bots         map[string]bool
	checks       []Check
	alerts       []Alert
	protected    map[string]bool // by a rule that wants a review
	rules        map[string][]Rule
	classic      map[string]int
	releases     []Release
	visibility   string
	plan         string
	changed      []string
	commits      Commits
	unchanged    atomic.Int64 // answers of 304
	deployments  []*Deployment
	decisions    []Decision
	started      []Started
	issues       []*Issue
	appKey       *rsa.PublicKey
	faults       []Fault
	requests     []string
	tokens       []string // that came with them
	violations   []string
}

// Run of a workflow.
type Run struct {
	ID               int64
	Attempt          int
	SHA, Branch      string
	Path, Event      string
	Actor            string
	TriggeringActors []string // by attempt
	Fork             string   // that the code is of, for a pull request from there
	Summary          string   // Markdown that the page shows
	Reviews          []Review
	Waiting          []string // environments that wait for a review
	Jobs             []string
}

// Review of environments by a person.
type Review struct {
	User, State, Comment string
	Environments         []string
}

// Environment with its protection.
type Environment struct {
	Name              string
	Users, Teams      []string // reviewers; teams as slugs
	PreventSelfReview bool
	AdminsBypass      *bool // nil: absent in the answer
	Policy            string
	Branches          []string // of a custom policy
	Apps              []string // whose rules are on
}

// Policies of branches.
const (
	NoPolicy          = ""
	ProtectedBranches = "protected"
	CustomBranches    = "custom"
)

// Check is a check run of a commit.
type Check struct {
	SHA, Name, App, Conclusion string
	Completed                  time.Time
	Title, Summary             string // as it was told
}

// Alert of code scanning.
type Alert struct {
	Number                      int
	State, Severity, Rule, Path string
	Branch                      string // where it is; "" is main
}

func (a Alert) branch() string { return cmp.Or(a.Branch, "main") }

func branchOf(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }

// Deployment and its statuses.
type Deployment struct {
	ID                    int64
	Run                   int64  // whose job it is, 0 where a request made it
	Task                  string // deploy, unless a request says otherwise
	Environment, SHA, Ref string
	Production            bool
	Description           string
	Payload               any
	Statuses              []Status
}

// Status of a deployment.
type Status struct{ State, Description, EnvironmentURL, LogURL string }

// Decision of a custom deployment protection rule.
type Decision struct {
	Run                         int64
	Environment, State, Comment string
}

// Change changes what GitHub knows, as people do between two requests.
func (h *Hub) Change(change func(*Known)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := Known{
		Runs: h.runs, Environments: h.environments, Teams: h.teams, Bots: h.bots, Checks: h.checks, Alerts: h.alerts,
		Protected: h.protected, Rules: h.rules, Classic: h.classic, Releases: h.releases, Visibility: h.visibility, Plan: h.plan, Changed: h.changed, Commits: &h.commits, Faults: h.faults, Issues: h.issues, AppKey: h.appKey,
	}
	change(&k)
	h.checks, h.alerts, h.changed, h.faults, h.issues, h.appKey, h.releases, h.visibility, h.plan = k.Checks, k.Alerts, k.Changed, k.Faults, k.Issues, k.AppKey, k.Releases, k.Visibility, k.Plan
}

// Known is what GitHub knows.
type Known struct {
	Runs         map[int64]*Run
	Environments map[string]*Environment
	Teams        map[string]map[string]string
	Bots         map[string]bool
	Checks       []Check
	Alerts       []Alert
	Protected    map[string]bool   // branches with a rule that wants a review
	Rules        map[string][]Rule // and those of other rules
	Classic      map[string]int    // protected in the older way, with so many reviews
	Releases     []Release
	Visibility   string   // of the repository: public, private or internal
	Plan         string   // of the organization: free, team or enterprise; "" is not shown
	Changed      []string // files between two commits
	Commits      *Commits
	Faults       []Fault
	Issues       []*Issue
	AppKey       *rsa.PublicKey // of the App that may ask for tokens
}

// Review is a person's, as on GitHub's page. Who may not review is refused.
func (h *Hub) Review(run int64, r Review) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := h.runs[run]
	if found == nil {
		return fmt.Errorf("there is no run %d", run)
	}
	for _, name := range r.Environments {
		e := h.environments[name]
		if e == nil || !h.reviews(r.User, e) {
			return fmt.Errorf("%s is no reviewer of %s", r.User, name)
		}
		if e.PreventSelfReview && r.User == found.Actor {
			return fmt.Errorf("%s started this run and may not review it", r.User)
		}
	}
	found.Reviews = append(found.Reviews, r)
	for _, name := range r.Environments {
		if r.State == "approved" {
			h.begin(found, name)
		}
	}
	found.Waiting = slices.DeleteFunc(found.Waiting, func(name string) bool { return slices.Contains(r.Environments, name) })
	return nil
}

func (h *Hub) reviews(user string, e *Environment) bool {
	owner := h.owner()
	return slices.Contains(e.Users, user) || slices.ContainsFunc(e.Teams, func(team string) bool {
		return h.teams[owner+"/"+team][user] == "active"
	})
}

// Deployments that requests made; those that runs have of their own are not among them.
func (h *Hub) Deployments() []Deployment {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []Deployment
	for _, d := range h.deployments {
		if d.Run == 0 {
			out = append(out, *d)
		}
	}
	return out
}

// Decisions of protection rules.
func (h *Hub) Decisions() []Decision {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.decisions)
}

// Requests that came, as METHOD path, and violations of the description.
func (h *Hub) Requests() (requests, violations []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.requests), slices.Clone(h.violations)
}

// Tokens that came with the requests, each once.
func (h *Hub) Tokens() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(h.tokens)))
}

// ID of a user or a team, which settings name them by.
func ID(name string) int64 { return number(name) }

// number makes an id of a name, the same in every answer.
func number(name string) int64 {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(name))
	return cmp.Or(int64(sum.Sum32()), 1)
}
