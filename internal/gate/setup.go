package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
)

// Setup looks whether GitHub is set up for an environment with a gate: its plan,
// environments, reviewers, branches, and what the token may see and write. The
// advice is the command that sets it.
func Setup(ctx context.Context, client *github.Client, name string, of platform.Environment) (out []plan.Finding) {
	g := of.Gate
	q := &Question{GitHub: client, Environment: name, Gate: g}
	var seen, teams []string
	for _, group := range q.reviewing() {
		if !g.Comments && !slices.Contains(seen, group.Environment) {
			seen = append(seen, group.Environment)
			out = append(out, q.environmentSetup(ctx, group)...)
		}
		for _, team := range group.Teams {
			if !slices.Contains(teams, team) {
				teams = append(teams, team)
				out = append(out, teamSetup(ctx, client, team))
			}
		}
	}
	out = append(out, q.planSetup(ctx, len(seen) > 0 && len(plan.Failed(out)) == 0))
	for _, open := range q.openEnvironments() {
		if !slices.Contains(seen, open) {
			seen = append(seen, open)
			out = append(out, q.openSetup(ctx, open))
		}
	}
	if len(g.Unreviewed) > 0 { // which only slipway gate serve asks for
		for _, environment := range seen {
			out = append(out, q.ruleSetup(ctx, environment)...)
		}
	}
	out = append(out, q.branchSetup(ctx))
	out = append(out, readable("runs", "give the job `permissions: {actions: read}`, or the App Actions: read", func() (string, error) {
		return "it may read runs and their approvals", client.MayReadRuns(ctx)
	}))
	if len(g.Checks) > 0 {
		out = append(out, readable("checks", "give the job `permissions: {checks: read}`", func() (string, error) {
			runs, err := client.Checks(ctx, g.Branch)
			return fmt.Sprintf("%d check runs of %s", len(runs), g.Branch), err
		}))
	}
	if g.Security != "" {
		out = append(out, readable("security", "turn code scanning on, and give the job `permissions: {security-events: read}`", func() (string, error) {
			alerts, err := client.Alerts(ctx, "refs/heads/"+g.Branch)
			return fmt.Sprintf("%d open alerts of code scanning", len(alerts)), err
		}))
	}
	return append(out, writes(ctx, client, of)...)
}

// DispatchSetup looks whether the watch can start the workflow that rolls back.
func DispatchSetup(ctx context.Context, client *github.Client, file string) plan.Finding {
	const id = "dispatch"
	err := client.MayDispatch(ctx, path.Base(file))
	var known *github.Error
	switch {
	case err == nil:
		return pass(id, "it may start %s", file)
	case errors.As(err, &known) && known.Status == http.StatusNotFound:
		return fail(id, "commit it to the default branch, with `on: workflow_dispatch`, and see what is there with: gh api repos/"+client.Owner+"/"+client.Name+"/actions/workflows", "there is no %s, or the token does not see it", file)
	}
	return fail(id, "give the job of the watch `permissions: {actions: write}`, or the App Actions: write", "%v", err)
}

// writes are what the token has to be allowed beside reading.
func writes(ctx context.Context, client *github.Client, of platform.Environment) (out []plan.Finding) {
	if of.GitHub != nil && of.GitHub.Deployments {
		out = append(out, readable("deployments", "give the job `permissions: {deployments: write}`, or the App Deployments: write", func() (string, error) {
			return "it may make deployments", client.MayDeploy(ctx)
		}))
	}
	if of.Gate.NotesDraft {
		out = append(out, readable("drafts", "give the job `permissions: {contents: write}`, or the App Contents: write", func() (string, error) {
			return "it sees the drafts of releases", client.MaySeeDrafts(ctx)
		}))
	}
	if of.Gate.Comments || of.GitHub != nil && of.GitHub.Issues {
		out = append(out, readable("issues", "give the job `permissions: {issues: write}`, or the App Issues: write", func() (string, error) {
			return "it may write to issues", client.MayComment(ctx)
		}))
	}
	return out
}

// planSetup wants required reviewers to be offered at all; that they are proves it.
func (q *Question) planSetup(ctx context.Context, there bool) plan.Finding {
	const id, advice = "plan", "make it a repository of GitHub Enterprise or a public one, or let people approve by comments: `comments: true` in its gate"
	r, err := q.GitHub.Repository(ctx)
	if err != nil {
		return unknown(id, err)
	}
	switch {
	case q.Gate.Comments:
		return pass(id, "people approve by comments, which every plan has")
	case r.Visibility == "public":
		return pass(id, "it is public: every plan has required reviewers")
	case there:
		return pass(id, "its environments have required reviewers")
	}
	switch tier, err := q.GitHub.Plan(ctx); {
	case err != nil:
		return unknown(id, err)
	case tier == "":
		return fail(id, advice+"; a member's token sees the plan", "%s is %s, and GitHub does not show the plan of %s to this token", q.GitHub.Name, r.Visibility, q.GitHub.Owner)
	case tier != "enterprise":
		return fail(id, advice, "%s is %s, and plan %s has no required reviewers for it", q.GitHub.Name, r.Visibility, tier)
	}
	return pass(id, "plan enterprise has required reviewers")
}

// branchSetup wants what is released to have been read by somebody.
func (q *Question) branchSetup(ctx context.Context) plan.Finding {
	id := "branch/" + q.Gate.Branch
	protected, err := q.GitHub.Protected(ctx, q.Gate.Branch)
	switch set := protectCommand(q.GitHub, q.Gate.Branch); {
	case err != nil:
		f := unknown(id, err)
		f.Advice = "a token with Administration: read sees it; " + set
		return f
	case !protected:
		return fail(id, set, "code comes onto it that nobody has approved")
	}
	return pass(id, "it takes approved pull requests alone")
}

// teamSetup asks for somebody who is in no team: who may see the team is told so.
func teamSetup(ctx context.Context, client *github.Client, team string) plan.Finding {
	return readable("team/"+team, "give the step the token of a GitHub App with the organization's permission Members: read; GITHUB_TOKEN sees no team", func() (string, error) {
		members, err := client.Members(ctx, team)
		if err == nil && len(members) == 0 {
			return "", fmt.Errorf("team %s has no member", team)
		}
		return fmt.Sprintf("%d members", len(members)), err
	})
}

func readable(id, advice string, read func() (string, error)) plan.Finding {
	text, err := read()
	if err != nil {
		return fail(id, advice, "%v", err)
	}
	return pass(id, "%s", text)
}
