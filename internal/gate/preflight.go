package gate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
)

// Checklist is what a preflight looks at.
type Checklist struct {
	GitHub   *github.Client
	Platform *platform.Platform
	Gate     *platform.Gate
	Plan     *plan.Plan
	Evidence *plan.Evidence
	// Record is the signed record of the release that is promoted, "" if none was given.
	Record string
	// Stands asks GitHub what became since of the release that is promoted, such as
	// staging #41: success while it runs there. It is nil where GitHub does not show that.
	Stands func(ctx context.Context, release string) (string, error)
	// Before is the commit that the environment runs, "" before its first release.
	Before string
	// Missing are required variables without a value.
	Missing []string
	// ExpectChanged names variables whose values must be others than at the last release.
	ExpectChanged []string
	Kept          Kept
	// Getenv reads a variable of the environment, for who asks others.
	Getenv func(string) string
	// Waivers by the kind of finding, such as checks, or by its own name, such as
	// checks/lint; By is who gives them.
	Waivers map[string]Waive
	By      string
	// Link leads to the run that looks, whose artifacts are the plan and its backup.
	Link string
	Now  time.Time

	runs     func() ([]github.Check, error)
	compared func() (*github.Comparison, error)
	// Notify tells those who have to know before, once nothing else stands in the
	// way, and returns what became of that; nil tells nobody.
	Notify func(context.Context) []plan.Finding
}

// Waive is why a finding does not matter this time, and for how long; 0 is as
// long as the plan lasts, which is the most.
type Waive struct {
	Why string
	For time.Duration
}

// Preflight looks for all that a release has to show before people are asked.
// What fails, or cannot be found out, is a finding and no error; an error is a
// waiver that nobody may give.
func Preflight(ctx context.Context, c Checklist) ([]plan.Finding, error) {
	for name := range c.Waivers {
		if !c.Gate.MayWaive(plan.Finding{ID: name}.Kind()) {
			return nil, &platform.UsageError{
				Message: fmt.Sprintf("%q may not be waived", name),
				Advice:  fmt.Sprintf("%s lets these be waived: %s", platform.File, orNone(strings.Join(c.Gate.Waivable, ", "))),
			}
		}
	}
	// What several look at is asked once.
	c.runs = sync.OnceValues(func() ([]github.Check, error) { return c.GitHub.Checks(ctx, c.Plan.Source) })
	c.compared = sync.OnceValues(func() (*github.Comparison, error) { return c.GitHub.Compare(ctx, c.Before, c.Plan.Source) })
	looks := []func(context.Context) []plan.Finding{
		c.promotes, c.checks, c.performance, c.security, c.documentation, c.notes, c.variables, c.references, c.rotation, c.backup, c.rollbackPlan, c.window, c.onCall,
	}
	found := make([][]plan.Finding, len(looks))
	var work errgroup.Group // without its context: each finding says what it found
	for i, look := range looks {
		work.Go(func() error {
			found[i] = look(ctx)
			return nil
		})
	}
	_ = work.Wait() // none fails
	findings := c.waive(slices.Concat(found...))
	if c.Notify != nil && len(plan.Failed(findings)) == 0 {
		findings = append(findings, c.waive(c.Notify(ctx))...)
	}
	for i := range findings { // what has no page of its own is shown in the run's summary
		findings[i].Link = cmp.Or(findings[i].Link, c.Link)
	}
	return findings, nil
}

func (c *Checklist) waive(findings []plan.Finding) []plan.Finding {
	for i, f := range findings {
		if w := cmp.Or(c.Waivers[f.ID], c.Waivers[f.Kind()]); w.Why != "" && f.Status == plan.Fail {
			until := c.Evidence.Expires
			if end := c.Now.Add(w.For).UTC().Truncate(time.Second); w.For > 0 && end.Before(until) {
				until = end
			}
			findings[i].Status = plan.Waived
			findings[i].Waiver = &plan.Waiver{By: c.By, Why: w.Why, Until: until}
		}
	}
	return findings
}

// promotes wants the very images to have been released elsewhere, and to have stayed.
func (c *Checklist) promotes(ctx context.Context) []plan.Finding {
	const id = "promotes"
	if c.Gate.Promotes == nil {
		return nil
	}
	from := c.Gate.Promotes.Environment
	advice := fmt.Sprintf("release to %s first, and plan with --from %s#N and the record that its workflow signed", from, from)
	if c.Record == "" {
		return []plan.Finding{fail(id, advice, "there is no record of a release of %s", from)}
	}
	r, err := ledger.ReadSigned(c.Record, c.Gate.Promotes.Key)
	if err != nil {
		return []plan.Finding{fail(id, advice, "%v", err)}
	}
	name := fmt.Sprintf("%s #%d", r.Environment, r.Number)
	switch {
	case r.Environment != from:
		return []plan.Finding{fail(id, advice, "%s is not of %s", name, from)}
	case r.State != ledger.Released || r.RollbackTo != nil:
		return []plan.Finding{fail(id, advice, "%s is %s", name, r.State)}
	case r.Accepted != nil:
		return []plan.Finding{fail(id, advice, "%s did not end by itself: %s accepted it as it was found", name, r.Accepted.By.Name())}
	case r.Platform != "" && c.Platform != nil && r.Platform != c.Platform.Name:
		return []plan.Finding{fail(id, advice, "%s is of platform %s, and this is %s", name, r.Platform, c.Platform.Name)}
	case c.Plan.From != name:
		return []plan.Finding{fail(id, advice, "the plan promotes %s, and the record is of %s", orNone(c.Plan.From), name)}
	}
	if !r.Makes(c.Plan.Source) {
		return []plan.Finding{fail(id, moved(from, c.Gate.Branch), "%s is of commit %s, and the plan of %s, whose manifests and migrations nobody has tried", name, orNone(short(r.Source)), orNone(short(c.Plan.Source)))}
	}
	for _, s := range c.Plan.Services {
		if tested := r.Images[s.Name]; tested != s.After {
			return []plan.Finding{fail(id, advice, "%s would run %s, and %s ran %s", s.Name, s.After, name, orNone(tested))}
		}
	}
	if c.Plan.Migrator != r.Migrator {
		return []plan.Finding{fail(id, advice, "%s would migrate, and %s was migrated by %s", orNone(c.Plan.Migrator), name, orNone(r.Migrator))}
	}
	if c.Stands != nil {
		state, err := c.Stands(ctx, name)
		if err != nil {
			return []plan.Finding{unknown(id, err)}
		}
		if state != "success" { // another one runs, or it was rolled back
			return []plan.Finding{fail(id, "promote what runs in "+from+"; running its workflow again shows that", "%s was released, and GitHub shows it as %s by now", name, orNone(state))}
		}
	}
	f := pass(id, "%s released these %d images: %s", name, len(c.Plan.Services), r.Verdict)
	f.Link = r.By.Run
	return []plan.Finding{f}
}

// moved is what to do where the branch has moved on since a release: a run is of
// the newest commit of the branch, and what is older than that is promoted no more.
func moved(from, branch string) string {
	return fmt.Sprintf("%s has moved on: wait until %s has released its newest commit, and promote that", branch, from)
}

// checks wants check runs of the commit, by name and app: anybody may report one
// of that name.
func (c *Checklist) checks(context.Context) (out []plan.Finding) {
	if len(c.Gate.Checks) == 0 {
		return nil
	}
	runs, err := c.runs()
	if err != nil {
		return []plan.Finding{unknown("checks", err)}
	}
	for _, wanted := range c.Gate.Checks {
		out = append(out, checked(c.GitHub, "checks/"+wanted.Name, wanted, c.Plan.Source, runs))
	}
	return out
}

func checked(client *github.Client, id string, wanted platform.RequiredCheck, sha string, runs []github.Check) plan.Finding {
	advice := "run it for " + short(sha) + " until it passes"
	f := fail(id, advice, "no check %s of %s ran for %s", wanted.Name, wanted.App, short(sha))
	f.Link = client.Page("commit/" + sha + "/checks")
	for _, run := range runs {
		if run.Name != wanted.Name || run.App.Slug != wanted.App || run.SHA != sha {
			continue
		}
		if run.Status != "completed" || run.Conclusion != "success" {
			f = fail(id, advice, "it is %s", orNone(strings.TrimSpace(run.Status+" "+run.Conclusion)))
			f.Link = run.URL
			return f // one that did not pass counts more than others of its name
		}
		f = pass(id, "passed")
		f.Link = run.URL
	}
	return f
}

// variables are those that the environment must have; of those that changed, the
// plan knows by their keyed hashes.
func (c *Checklist) variables(context.Context) []plan.Finding {
	const id = "variables"
	if len(c.Missing) > 0 {
		return []plan.Finding{fail(id, "give them to the job, from the secrets of the environment", "without a value: %s", strings.Join(c.Missing, ", "))}
	}
	var changed []string
	for _, o := range c.Plan.Objects {
		for _, f := range o.Fields {
			if f.Secret {
				changed = append(changed, o.ID+" "+f.Path)
			}
		}
	}
	return []plan.Finding{pass(id, "%d are there; secrets that change: %s", len(c.Platform.Required()), orNone(strings.Join(changed, ", ")))}
}

// references are what pods refer to and what is not there. What the controller of
// another object may make is waited for.
func (c *Checklist) references(context.Context) (out []plan.Finding) {
	const id = "references"
	var lacking []string
	for _, m := range c.Plan.Missing {
		if m.By != "" {
			out = append(out, pass(id+"/"+m.ID, "%s is not there, and %s may make it", m, m.By))
			continue
		}
		lacking = append(lacking, fmt.Sprintf("%s, for %s", m, strings.Join(m.For, " and ")))
	}
	if len(lacking) > 0 {
		out = append(out, fail(id, "make it in namespace "+c.Plan.Namespace+", or take the reference out of the manifests; then plan again", "not there and in no manifest: %s", strings.Join(lacking, "; ")))
	}
	return out
}

func (c *Checklist) backup(context.Context) []plan.Finding {
	const id = "backup"
	if c.Platform.Database == nil {
		return nil
	}
	advice := "run `ci backup --env " + c.Plan.Environment + "` and plan with --report of that run"
	item := c.Evidence.Item(plan.Backup, "")
	if item == nil || !item.Passed {
		return []plan.Finding{fail(id, advice, "there is no backup that was restored and compared")}
	}
	age := c.Now.Sub(item.At).Round(time.Second)
	if most := c.Gate.Backup.Duration; most > 0 && age > most {
		return []plan.Finding{fail(id, advice, "it is %s old, more than %s", age, most)}
	}
	f := pass(id, "%s, %s old; SHA-256 %s", orNone(item.Detail), age, short(item.SHA256))
	f.Link = c.Link
	return []plan.Finding{f}
}

// rollbackPlan says what a rollback brings back and what it would lose.
func (c *Checklist) rollbackPlan(context.Context) []plan.Finding {
	const id = "rollback-plan"
	var text string
	switch {
	case len(c.Plan.Migrations) == 0:
		return []plan.Finding{pass(id, "%d services go back to what they run now; the database is not touched", len(c.Plan.Changed()))}
	case c.Plan.Restore:
		text = "the services go back, and the database to its backup: what was written since is lost"
	default:
		text = fmt.Sprintf("the services go back; the schema stays migrated (%d migrations), unless a person restores the backup and loses what was written since", len(c.Plan.Migrations))
	}
	if c.Gate.RollbackPlan == "" {
		return []plan.Finding{fail(id, "write down what people do then, and link it as gate.rollbackPlan in "+platform.File, "%s", text)}
	}
	f := pass(id, "%s", text)
	f.Link = c.Gate.RollbackPlan
	return []plan.Finding{f}
}

func (c *Checklist) window(context.Context) []plan.Finding {
	const id = "window"
	if c.Gate.Window == nil {
		return nil
	}
	if why := c.Gate.Window.Closed(c.Now); why != "" {
		return []plan.Finding{fail(id, "wait for it, or have it waived by who may", "%s", why)}
	}
	return []plan.Finding{pass(id, "%s in %s", strings.Join(c.Gate.Window.Weekly, ", "), c.Gate.Window.Zone)}
}
