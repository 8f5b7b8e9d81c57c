package platform

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // containers and runners may have none of their own
)

// Gate says what a release of an environment has to show before it may begin.
// An environment with a gate is only released from its workflow.
type Gate struct {
	// Workflow is the file of the workflow that releases, such as .github/workflows/production.yml.
	Workflow string `yaml:"workflow"`
	// Branch that it runs on. Default: main.
	Branch string `yaml:"branch,omitempty"`
	// Approvals by groups of people, all of which are needed.
	Approvals []Approval `yaml:"approvals"`
	// Rollback says who lets a workflow bring the environment back. Absent: whoever GitHub lets begin its job.
	Rollback *GateRollback `yaml:"rollback,omitempty"`
	// Unreviewed lists the environments of GitHub that need no review, such as those that only read, for the rule that GitHub asks (slipway gate serve).
	Unreviewed []Unreviewed `yaml:"unreviewed,omitempty"`
	// ExceptAuthor says that who wrote the commit does not count as an approver, beside who started the run. Default: false.
	ExceptAuthor bool `yaml:"exceptAuthor,omitempty"`
	// Digest says that the comment of an approval has to hold the first digits of the approval digest, so that it is for this plan and for no other. Default: true.
	Digest *bool `yaml:"digest,omitempty"`
	// Comments says that approvals are comments on an issue, /approve with the digest, for private repositories whose environments have no required reviewers. The job waits for them. Default: false.
	Comments bool `yaml:"comments,omitempty"`
	// Promotes names the environment where the same images must have been released before.
	Promotes *Promotes `yaml:"promotes,omitempty"`
	// Checks of the commit that must have passed on GitHub.
	Checks []RequiredCheck `yaml:"checks,omitempty"`
	// Security: no open alert of code scanning at this severity or above: low, medium, high or critical.
	Security string `yaml:"security,omitempty"`
	// Performance: a load test has passed, or its result is within a budget.
	Performance *Performance `yaml:"performance,omitempty"`
	// OnCall asks who is on call: somebody has to be.
	OnCall *OnCall `yaml:"onCall,omitempty"`
	// Documentation: patterns of files of the repository, of which one has to change with every release.
	Documentation []string `yaml:"documentation,omitempty"`
	// DocumentationLabel of the commit's pull request says that nothing has to be documented, or is elsewhere.
	DocumentationLabel string `yaml:"documentationLabel,omitempty"`
	// Notes is the changelog, whose first section has to say something that it did not say at the last release.
	Notes string `yaml:"notes,omitempty"`
	// NotesDraft says that the draft of a release on GitHub counts as notes too, instead of the changelog or beside it. The token has to be one that may write contents. Default: false.
	NotesDraft bool `yaml:"notesDraft,omitempty"`
	// Backup says how old the verified backup may be, as in 1h.
	Backup Duration `yaml:"backup,omitempty"`
	// RollbackPlan is a link to what people do where a rollback would lose something.
	RollbackPlan string `yaml:"rollbackPlan,omitempty"`
	// Window in which releases may begin. Absent: always.
	Window *Window `yaml:"window,omitempty"`
	// Waivable names the findings that a person may waive, with a reason: promotes, checks, performance, security, documentation, notes, references, rotation, backup, rollback-plan, window, on-call or notify.
	Waivable []string `yaml:"waivable,omitempty"`
}

// Approval by a group of people, given as the review of a GitHub environment.
type Approval struct {
	// Name of the group, for people.
	Name string `yaml:"name"`
	// Environment of GitHub whose review counts, which each group has for itself: GitHub begins a job after one approval. With comments it does not matter. Default: the one that is released.
	Environment string `yaml:"environment,omitempty"`
	// Users that belong to the group, by their login.
	Users []string `yaml:"users,omitempty"`
	// Teams of the organization that belong to it, as slugs. Reading who is in one takes the token of a GitHub App.
	Teams []string `yaml:"teams,omitempty"`
	// Least is how many of them have to approve; more than 1 takes comments. Default: 1.
	Least int `yaml:"least,omitempty"`
	// Waives names a finding: the group is only needed where that one was waived, and its environment is named by a job that runs only then.
	Waives string `yaml:"waives,omitempty"`
}

// Promotes says where the images were released before.
type Promotes struct {
	// Environment of this file.
	Environment string `yaml:"environment"`
	// Key that its release records are signed with, as base64 of the public half (Ed25519).
	Key string `yaml:"key"`
}

// RequiredCheck is a check run of the commit.
type RequiredCheck struct {
	// Name of the check run, which is that of the job for GitHub Actions.
	Name string `yaml:"name"`
	// App that it has to come from. Default: github-actions.
	App string `yaml:"app,omitempty"`
}

// GateFindings are what a gate looks for, in the order in which it is shown.
var GateFindings = []string{"promotes", "checks", "performance", "security", "documentation", "notes", "references", "rotation", "backup", "rollback-plan", "window", "on-call", "notify"}

func (g *Gate) fillDefaults(environment string) {
	if g == nil {
		return
	}
	fill(&g.Branch, "main")
	if g.Digest == nil {
		yes := true
		g.Digest = &yes
	}
	for i := range g.Approvals {
		fill(&g.Approvals[i].Environment, environment)
		if g.Approvals[i].Least == 0 {
			g.Approvals[i].Least = 1
		}
	}
	g.Rollback.fillDefaults(environment)
	if g.Performance != nil && g.Performance.Check != "" {
		fill(&g.Performance.App, "github-actions")
	}
	for i := range g.Checks {
		fill(&g.Checks[i].App, "github-actions")
	}
}

var (
	loginPattern    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,38})$`)
	slugPattern     = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,99})$`)
	workflowPattern = regexp.MustCompile(`^\.github/workflows/[A-Za-z0-9._-]+\.ya?ml$`)
	branchPattern   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$`)
)

func matching(pattern *regexp.Regexp, wanted string) func(string) string {
	return func(s string) string {
		if pattern.MatchString(s) && !strings.Contains(s, "..") {
			return ""
		}
		return "expected " + wanted + ", found " + quote(s)
	}
}

func validateGate(at, environment string, g *Gate, p *Platform, d *document) {
	if g == nil {
		return
	}
	d.required(at, "workflow", "the file of the workflow that releases")
	d.text(join(at, "workflow"), g.Workflow, isWorkflow)
	d.text(join(at, "branch"), g.Branch, matching(branchPattern, "a branch such as main"))
	if g.Comments && g.Digest != nil && !*g.Digest {
		d.report(join(at, "digest"), "a comment without the digest could be for any plan", "leave digest out")
	}
	if approvals := join(at, "approvals"); !d.bad[approvals] && !slices.ContainsFunc(g.Approvals, func(a Approval) bool { return a.Waives == "" }) {
		d.report(at, "approvals is missing, expected at least one group whose approval is always needed", "for example approvals: [{name: leadership, users: [vera]}]")
	}
	validateApprovals(join(at, "approvals"), g.Approvals, g.Comments, d)
	validateWays(at, environment, g, d)
	if g.MayWaive("window") && !slices.ContainsFunc(g.Approvals, func(a Approval) bool { return a.Waives == "window" }) {
		d.report(join(at, "waivable"), "releasing outside of the window takes an approval of its own, and no group has waives: window",
			"for example approvals: [{name: board, environment: "+environment+"-window, users: [bea], waives: window}]")
	}
	if g.Promotes != nil {
		promotes := join(at, "promotes")
		d.text(join(promotes, "environment"), g.Promotes.Environment, func(s string) string {
			if _, ok := p.Environments[s]; ok && s != environment {
				return ""
			}
			return "expected another environment of this file, found " + quote(s)
		})
		d.required(promotes, "environment", "where the images were released before")
		d.required(promotes, "key", "the public half of the key that its records are signed with")
	}
	for i := range g.Checks {
		d.required(item(join(at, "checks"), i), "name", "the name of a check run")
	}
	d.text(join(at, "security"), g.Security, oneOf("low", "medium", "high", "critical"))
	d.paths(join(at, "documentation"), g.Documentation)
	validatePerformance(join(at, "performance"), g.Performance, d)
	validateOnCall(join(at, "onCall"), g.OnCall, d)
	validateWindow(join(at, "window"), g.Window, d)
	for i, name := range g.Waivable {
		d.text(item(join(at, "waivable"), i), name, oneOf(GateFindings...))
	}
}

// validateApprovals refuses groups that could never all approve: GitHub begins a
// job after the first approval of its environment, and takes no other after it.
func validateApprovals(at string, groups []Approval, comments bool, d *document) {
	of := map[string]string{} // environment → group
	for i, a := range groups {
		at := item(at, i)
		validateApproval(at, a, d)
		if comments {
			continue
		}
		const otherwise = ", or set comments: true"
		if a.Least > 1 {
			d.report(join(at, "least"), fmt.Sprintf("GitHub begins a job after one approval of its environment, so %d never come", a.Least),
				"make a group of each, with an environment of its own"+otherwise)
		}
		name := strings.ToLower(a.Environment)
		if other, taken := of[name]; taken {
			d.report(at, fmt.Sprintf("GitHub begins a job after one approval of its environment, and %s is that of %s already", a.Environment, other),
				"give it an environment of its own, which another job of the workflow names"+otherwise)
		}
		of[name] = or(a.Name, "another group")
	}
}

func validateApproval(at string, a Approval, d *document) {
	d.required(at, "name", "a name such as leadership")
	// GitHub would create an environment that it does not know, without any protection.
	d.text(join(at, "environment"), a.Environment, badLabel)
	for i, user := range a.Users {
		d.text(item(join(at, "users"), i), user, matching(loginPattern, "the login of a person"))
	}
	for i, team := range a.Teams {
		d.text(item(join(at, "teams"), i), team, matching(slugPattern, "the slug of a team, without its organization"))
	}
	if len(a.Users)+len(a.Teams) == 0 && !d.bad[join(at, "users")] && !d.bad[join(at, "teams")] {
		d.report(at, "users and teams are missing, expected at least one of them", "")
	}
	if a.Least < 1 {
		d.report(join(at, "least"), fmt.Sprintf("expected 1 or more, found %d", a.Least), "")
	}
	d.text(join(at, "waives"), a.Waives, oneOf(GateFindings...))
}

// Window in which releases may begin.
type Window struct {
	// Zone that its times are in, such as Europe/Oslo.
	Zone string `yaml:"zone"`
	// Weekly lists days and times, such as mon-thu 09:00-15:00.
	Weekly []string `yaml:"weekly"`
	// Freezes are days without any release.
	Freezes []Freeze `yaml:"freezes,omitempty"`
}

// Freeze is a time without any release.
type Freeze struct {
	// From is its first day, as in 2026-12-18.
	From string `yaml:"from"`
	// To is its last day.
	To string `yaml:"to"`
	// Why it is there.
	Why string `yaml:"why,omitempty"`
}

var days = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

var weeklyPattern = regexp.MustCompile(`^([a-z]{3})(?:-([a-z]{3}))? (\d\d):(\d\d)-(\d\d):(\d\d)$`)

// weekly is one entry of a window: days from Monday on, and minutes of the day.
type weekly struct {
	days       [7]bool
	begin, end int
}

// readWeekly reads an entry such as mon-thu 09:00-15:00.
func readWeekly(s string) (w weekly, ok bool) {
	m := weeklyPattern.FindStringSubmatch(s)
	if m == nil {
		return w, false
	}
	first, last := slices.Index(days, m[1]), slices.Index(days, or(m[2], m[1]))
	var n [4]int
	for i, text := range m[3:] {
		n[i] = int(text[0]-'0')*10 + int(text[1]-'0')
	}
	w.begin, w.end = n[0]*60+n[1], n[2]*60+n[3]
	if first < 0 || last < first || n[1] > 59 || n[3] > 59 || w.end > 24*60 || w.end <= w.begin {
		return w, false
	}
	for day := first; day <= last; day++ {
		w.days[day] = true
	}
	return w, true
}

func validateWindow(at string, w *Window, d *document) {
	if w == nil {
		return
	}
	d.required(at, "zone", "a time zone such as Europe/Oslo")
	d.text(join(at, "zone"), w.Zone, func(s string) string {
		if _, err := time.LoadLocation(s); err == nil && s != "" && s != "Local" {
			return ""
		}
		return "expected a time zone such as Europe/Oslo, found " + quote(s)
	})
	d.required(at, "weekly", "days and times such as [mon-thu 09:00-15:00]")
	for i, entry := range w.Weekly {
		d.text(item(join(at, "weekly"), i), entry, func(s string) string {
			if _, ok := readWeekly(s); ok {
				return ""
			}
			return "expected days and times such as mon-thu 09:00-15:00, within a week and a day, found " + quote(s)
		})
	}
	for i, f := range w.Freezes {
		freeze := item(join(at, "freezes"), i)
		d.required(freeze, "from", "its first day")
		d.required(freeze, "to", "its last day")
		d.text(join(freeze, "from"), f.From, badDay)
		d.text(join(freeze, "to"), f.To, func(s string) string {
			if message := badDay(s); message != "" || f.From <= s {
				return message
			}
			return "it ends before it begins, on " + f.From
		})
	}
}

func badDay(s string) string {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "expected a day such as 2026-12-18, found " + quote(s)
	}
	return ""
}

// Closed says why no release may begin at a time, "" if one may.
func (w *Window) Closed(at time.Time) string {
	zone, err := time.LoadLocation(w.Zone)
	if err != nil {
		return "its time zone " + w.Zone + " is not known here"
	}
	at = at.In(zone)
	for _, f := range w.Freezes {
		if day := at.Format(time.DateOnly); f.From <= day && day <= f.To {
			return strings.TrimSuffix(fmt.Sprintf("nothing is released from %s to %s: %s", f.From, f.To, f.Why), ": ")
		}
	}
	day, minute := (int(at.Weekday())+6)%7, at.Hour()*60+at.Minute()
	for _, entry := range w.Weekly {
		if e, ok := readWeekly(entry); ok && e.days[day] && e.begin <= minute && minute < e.end {
			return ""
		}
	}
	return fmt.Sprintf("it is %s in %s, and releases begin %s", at.Format("Mon 15:04"), w.Zone, strings.Join(w.Weekly, ", "))
}

// MayWaive reports whether a person may waive findings of this kind.
func (g *Gate) MayWaive(kind string) bool { return slices.Contains(g.Waivable, kind) }
