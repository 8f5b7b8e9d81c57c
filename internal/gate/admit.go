package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
)

// Admission asks whether a job may begin that GitHub holds before an environment
// (a custom deployment protection rule). The job has no secrets yet, and nobody
// can see its plan: what is decided is whether this run may ask for a release at
// all. The gate in the job decides about the plan and who approved it.
type Admission struct {
	GitHub      *github.Client
	Platform    *platform.Platform
	Environment string // of GitHub
	Run         int64
	SHA         string // that GitHub deploys
	Now         time.Time
}

// Answers to an admission.
const (
	Approved = "approved"
	Rejected = "rejected"
	// Waiting is for what may change by itself: a window that opens, a check that
	// still runs, a GitHub that does not answer.
	Waiting = ""
)

// Admit answers with the grounds.
func Admit(ctx context.Context, a Admission) (state string, findings []plan.Finding) {
	ways := waysInto(a.Platform, a.Environment)
	if len(ways) == 0 {
		return Rejected, []plan.Finding{fail("environment", "name it under gate.unreviewed in "+platform.File+" if it needs no review", "the platform file of this rule has no gate for %q", a.Environment)}
	}
	run, err := a.GitHub.Run(ctx, a.Run)
	if err != nil {
		return later(err), []plan.Finding{unknown("run", err)}
	}
	findings = append(findings, foreign(a.GitHub, ways, run, a.Run)...)
	findings = append(findings, wrongs([]wrong{
		{run.SHA == "" || run.SHA != a.SHA, "run/commit", "it runs at %s, and GitHub would deploy %s", []any{short(run.SHA), short(a.SHA)}},
	})...)
	if len(findings) > 0 {
		return Rejected, findings
	}
	findings = append(findings, passRun(run))
	asked := admitted{Admission: a, way: of(ways, run)}
	for _, look := range asked.looks() {
		state, found := look(ctx, run)
		findings = append(findings, found...)
		if state != Approved {
			return state, findings
		}
	}
	return Approved, findings
}

// admitted is a run that may use the environment, in one of the ways that there are.
type admitted struct {
	Admission
	way
}

// looks are what is looked at beside the run itself. What needs no review has
// nothing else to show, and a rollback waits for no check and no window.
func (a *admitted) looks() []func(context.Context, *github.Run) (string, []plan.Finding) {
	switch a.kind {
	case releases:
		return []func(context.Context, *github.Run) (string, []plan.Finding){a.rejections, a.protection, a.passed, a.open}
	case goesBack:
		return []func(context.Context, *github.Run) (string, []plan.Finding){a.rejections, a.protection}
	}
	return nil
}

// later is Waiting where asking again may help.
func later(err error) string {
	var known *github.Error
	if github.Missing(err) || errors.As(err, &known) && known.Usage() {
		return Rejected
	}
	return Waiting
}

// rejections of any environment of this run end it.
func (a *admitted) rejections(ctx context.Context, _ *github.Run) (string, []plan.Finding) {
	reviews, err := a.GitHub.Reviews(ctx, a.Run)
	if err != nil {
		return later(err), []plan.Finding{unknown("approvals", err)}
	}
	for _, r := range reviews {
		if strings.EqualFold(r.State, "rejected") {
			return Rejected, []plan.Finding{fail("approvals", "talk to them, then start the workflow anew", "%s rejected it: %s", r.User.Login, orNone(r.Comment))}
		}
	}
	return Approved, nil
}

// protection of the environments whose reviews the gate in the job counts.
func (a *admitted) protection(ctx context.Context, _ *github.Run) (string, []plan.Finding) {
	if a.gate.Comments {
		return Approved, nil // its environments protect nothing, and the gate in the job knows
	}
	q := &Question{GitHub: a.GitHub, Gate: a.gate}
	state, findings := Approved, []plan.Finding{}
	for _, group := range a.groups {
		e, err := a.GitHub.Environment(ctx, group.Environment)
		if err != nil {
			return later(err), append(findings, unprotected(group, err))
		}
		if found := q.protected(ctx, group, e); len(found) > 0 {
			state, findings = Rejected, append(findings, found...)
		}
	}
	return state, findings
}

// passed looks at the checks of the commit, unless somebody may waive them:
// waivers are in the plan, which nobody can see here.
func (a *admitted) passed(ctx context.Context, run *github.Run) (string, []plan.Finding) {
	if len(a.gate.Checks) == 0 || a.gate.MayWaive("checks") {
		return Approved, nil
	}
	runs, err := a.GitHub.Checks(ctx, run.SHA)
	if err != nil {
		return later(err), []plan.Finding{unknown("checks", err)}
	}
	state, findings := Approved, []plan.Finding{}
	for _, wanted := range a.gate.Checks {
		f := checked(a.GitHub, "checks/"+wanted.Name, wanted, run.SHA, runs)
		findings = append(findings, f)
		if f.Status == plan.Pass {
			continue
		}
		state = Rejected
		if underWay(wanted, runs) {
			return Waiting, findings
		}
	}
	return state, findings
}

func underWay(wanted platform.RequiredCheck, runs []github.Check) bool {
	return slices.ContainsFunc(runs, func(c github.Check) bool {
		return c.Name == wanted.Name && c.App.Slug == wanted.App && c.Status != "completed"
	})
}

// open waits for the window, unless somebody may waive it.
func (a *admitted) open(context.Context, *github.Run) (string, []plan.Finding) {
	if a.gate.Window == nil || a.gate.MayWaive("window") {
		return Approved, nil
	}
	if why := a.gate.Window.Closed(a.Now); why != "" {
		return Waiting, []plan.Finding{fail("window", "it goes on by itself when the window opens", "%s", why)}
	}
	return Approved, []plan.Finding{pass("window", "%s", strings.Join(a.gate.Window.Weekly, ", "))}
}

// Told is the findings as the comment of a decision, of at most 1,024 letters,
// which is all that GitHub takes: what is wrong comes first.
func Told(state string, findings []plan.Finding) string {
	var b strings.Builder
	switch state {
	case Approved:
		b.WriteString("This run may begin; a release is decided by the gate in its job.")
	case Rejected:
		b.WriteString("Rejected.")
	default:
		b.WriteString("Not yet; looked at again in a while.")
	}
	for _, f := range slices.Concat(plan.Failed(findings), passedOf(findings)) {
		line := fmt.Sprintf("\n- %s: %s", f.ID, f.Text)
		if f.Status == plan.Fail && f.Advice != "" {
			line += " (" + f.Advice + ")"
		}
		if room := 1000 - b.Len(); len(line) > room {
			b.WriteString(strings.ToValidUTF8(line[:room], "") + " …")
			break
		}
		b.WriteString(line)
	}
	return strings.ToValidUTF8(b.String(), "?")
}

func passedOf(findings []plan.Finding) (out []plan.Finding) {
	for _, f := range findings {
		if f.Status == plan.Pass {
			out = append(out, f)
		}
	}
	return out
}
