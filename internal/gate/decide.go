package gate

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
)

// Question is what is to be decided.
type Question struct {
	GitHub      *github.Client
	Environment string // of slipway.yaml
	Gate        *platform.Gate
	Plan        *plan.Plan
	Evidence    *plan.Evidence
	Findings    []plan.Finding // of the preflight
	// Platform says what else the preflight had to look at.
	Platform *platform.Platform
	// Back is a rollback that is asked for, instead of a release; it has no plan.
	Back *Back
	// Again is a backup that was taken since, nil if none was.
	Again *plan.Item
	// Run, Attempt and SHA are of the job that asks: the run and its attempt, and
	// the commit that is checked out there.
	Run     int64
	Attempt int
	SHA     string
	Now     time.Time
}

// Answer is what was decided, and on what grounds.
type Answer struct {
	// Digest that was approved.
	Digest    string            `json:"digest"`
	Approvals []ledger.Approval `json:"approvals"`
	Findings  []plan.Finding    `json:"findings"`
	// Preflight are the findings that were known to who approved.
	Preflight []plan.Finding `json:"preflight"`
}

// Decide says whether people have approved what is to be released, and nothing
// else. It fails with a *ClosedError that names what is missing; the answer then
// says what was found. Nothing is taken from the job's own variables that GitHub
// can be asked for.
func Decide(ctx context.Context, q Question) (*Answer, error) {
	digest, err := plan.Approval(q.Plan, q.Evidence)
	if err != nil {
		return nil, err
	}
	a := &Answer{Digest: digest, Preflight: q.Findings, Findings: q.fresh(digest), Approvals: []ledger.Approval{}}
	return a, q.people(ctx, a)
}

// people looks who approved the digest, in what run.
func (q *Question) people(ctx context.Context, a *Answer) error {
	run, starters, findings := q.run(ctx)
	a.Findings = append(a.Findings, findings...)
	if run == nil {
		return closed(q.Environment, a.Findings)
	}
	ask := q.GitHub.Reviews
	if q.Gate.Comments {
		ask = q.comments
	}
	if q.Gate.ExceptAuthor {
		if f := q.authors(ctx, run, starters); f != nil {
			a.Findings = append(a.Findings, *f)
			return closed(q.Environment, a.Findings)
		}
	}
	reviews, err := ask(ctx, q.Run)
	if err != nil {
		a.Findings = append(a.Findings, unknown("approvals", err))
		return closed(q.Environment, a.Findings)
	}
	groups := q.groups()
	found := make([]verdict, len(groups))
	var work errgroup.Group // without its context: each finding says what it found
	for i, group := range groups {
		work.Go(func() error {
			found[i] = q.approved(ctx, group, a.Digest, reviews, starters)
			return nil
		})
	}
	_ = work.Wait() // none fails
	for _, v := range found {
		a.Findings = append(a.Findings, v.findings...)
		a.Approvals = append(a.Approvals, v.approvals...)
	}
	return closed(q.Environment, a.Findings)
}

// authors adds those who wrote the commit to the people who do not count.
func (q *Question) authors(ctx context.Context, run *github.Run, not map[string]string) *plan.Finding {
	authors, err := q.GitHub.Authors(ctx, run.SHA)
	if err != nil {
		f := unknown("approvals", err)
		return &f
	}
	for _, login := range authors {
		if login == "" {
			f := fail("approvals", "let somebody commit whose address GitHub knows, or leave out gate.exceptAuthor", "who wrote %s has no account of GitHub that it knows", short(run.SHA))
			return &f
		}
		not[strings.ToLower(login)] = "wrote what is released"
	}
	return nil
}

// groups are those whose approval is needed this time.
func (q *Question) groups() (out []platform.Approval) {
	if q.Back != nil {
		return q.Gate.Rollback.Approvals
	}
	for _, g := range q.Gate.Approvals {
		if g.Waives == "" || q.waived(g.Waives) {
			out = append(out, g)
		}
	}
	return out
}

func (q *Question) waived(kind string) bool {
	for _, f := range q.Findings {
		if f.Status == plan.Waived && f.Kind() == kind {
			return true
		}
	}
	return false
}

// fresh looks at what needs nobody else: the plan with its evidence, the
// preflight, and the hour.
func (q *Question) fresh(digest string) (out []plan.Finding) {
	if err := plan.Approved(q.Plan, q.Evidence, digest, q.Now); err != nil {
		out = append(out, unknown("plan", err))
	} else {
		out = append(out, pass("plan", "plan %s with its evidence is %s", short(q.Evidence.Plan), short(digest)))
	}
	if q.Plan.Environment != q.Environment {
		out = append(out, fail("plan/environment", "make a plan for "+q.Environment, "the plan is for %s", q.Plan.Environment))
	}
	switch item := q.Evidence.Item(plan.Preflight, ""); {
	case item == nil:
		out = append(out, fail("preflight", "`slipway plan --env "+q.Environment+"` makes one, and `slipway preflight --env "+q.Environment+"` looks at it", "nothing was looked at before the approval"))
	case q.Findings == nil:
		out = append(out, fail("preflight", "bring "+plan.FindingsFile+" with the plan", "its findings are not here"))
	default:
		out = append(out, q.preflighted(item)...)
	}
	out = append(out, q.backup()...)
	if w := q.Gate.Window; w != nil && !q.waived("window") {
		if why := w.Closed(q.Now); why != "" {
			out = append(out, fail("window", "wait for the window, or have it waived", "%s", why))
		}
	}
	return out
}

// preflighted holds the findings against what was approved, and against what may be waived.
func (q *Question) preflighted(item *plan.Item) []plan.Finding {
	digest, err := plan.Digest(q.Findings)
	if err != nil || digest != item.SHA256 {
		return []plan.Finding{fail("preflight", "bring the findings as `slipway preflight --env "+q.Environment+"` wrote them", "its findings are not those that were approved")}
	}
	seen := map[string]bool{}
	for _, f := range q.Findings {
		seen[f.ID] = true
	}
	for _, id := range q.required() {
		if !seen[id] {
			return []plan.Finding{fail("preflight", "run `slipway preflight --env "+q.Environment+"` with the platform file of this commit", "nobody looked at %s", id)}
		}
	}
	for _, f := range q.Findings {
		switch {
		case f.Status == plan.Pass:
		case f.Status == plan.Waived && q.Gate.MayWaive(f.Kind()) && f.Waiver != nil && q.Now.Before(f.Waiver.Until):
		default:
			return []plan.Finding{fail("preflight", "fix it, then start a new run; `slipway preflight --env "+q.Environment+"` says how", "%s %s: %s", f.ID, f.Status, f.Text)}
		}
	}
	return []plan.Finding{pass("preflight", "%d findings, none in the way", len(q.Findings))}
}

// required are the findings that this release cannot do without: what is not
// among those of the preflight was not looked at.
func (q *Question) required() []string {
	ids := []string{"variables", "rollback-plan"}
	for _, c := range q.Gate.Checks {
		ids = append(ids, "checks/"+c.Name)
	}
	for id, wanted := range map[string]bool{
		"promotes": q.Gate.Promotes != nil, "security": q.Gate.Security != "", "documentation": len(q.Gate.Documentation) > 0,
		"performance": q.Gate.Performance != nil, "on-call": q.Gate.OnCall != nil, "rotation": rotates(q.Platform.Variables),
		"notes": q.Gate.Notes != "" || q.Gate.NotesDraft, "window": q.Gate.Window != nil, "backup": q.Platform.Database != nil,
	} {
		if wanted {
			ids = append(ids, id)
		}
	}
	for _, n := range q.Platform.Environments[q.Environment].Notify {
		if n.Wants(platform.Waiting) && !q.Plan.Empty() { // a release of nothing is told to nobody
			ids = append(ids, "notify/"+n.Name)
		}
	}
	slices.Sort(ids)
	return ids
}

// run looks at the run that asks, as GitHub knows it, and returns the people who
// started any attempt of it, with why they do not count.
func (q *Question) run(ctx context.Context) (*github.Run, map[string]string, []plan.Finding) {
	run, err := q.GitHub.Run(ctx, q.Run)
	if err != nil {
		return nil, nil, []plan.Finding{unknown("run", err)}
	}
	const began = "started this run"
	starters := map[string]string{strings.ToLower(run.Actor.Login): began, strings.ToLower(run.Triggering.Login): began}
	for attempt := 1; attempt < run.Attempt; attempt++ {
		earlier, err := q.GitHub.Attempt(ctx, q.Run, attempt)
		if err != nil {
			return nil, nil, []plan.Finding{unknown("run", err)}
		}
		starters[strings.ToLower(earlier.Triggering.Login)] = began
	}
	out := foreign(q.GitHub, []way{q.way()}, run, q.Run)
	out = append(out, wrongs([]wrong{
		{run.Attempt != q.Attempt, "run/attempt", "GitHub is at attempt %d, and this is attempt %d", []any{run.Attempt, q.Attempt}},
		{run.SHA == "" || run.SHA != q.SHA, "run/commit", "it runs at %s, and %s is checked out", []any{short(run.SHA), short(q.SHA)}},
	})...)
	if planned := q.name(run); q.Back == nil {
		out = append(out, wrongs([]wrong{
			{q.Evidence.Run != planned, "run/plan", "the plan was made in %s, and this is %s", []any{orNone(q.Evidence.Run), planned}},
			{run.SHA != q.Plan.Source, "run/commit", "it runs at %s, and the plan is of %s", []any{short(run.SHA), orNone(short(q.Plan.Source))}},
		})...)
	}
	if len(out) == 0 {
		out = append(out, passRun(run))
	}
	return run, starters, out
}

// wrong is something about a run that must not be.
type wrong struct {
	is     bool
	id     string
	format string
	args   []any
}

func wrongs(list []wrong) (out []plan.Finding) {
	for _, w := range list {
		if w.is {
			out = append(out, fail(w.id, "start the workflow anew; a run cannot be used for another release", w.format, w.args...))
		}
	}
	return out
}

func passRun(run *github.Run) plan.Finding {
	path, _, _ := strings.Cut(run.Path, "@")
	f := pass("run", "run %d of %s at %s, started by %s", run.ID, path, short(run.SHA), run.Triggering.Login)
	f.Link = run.URL
	return f
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
