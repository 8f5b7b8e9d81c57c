package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
)

// Setup looks whether GitHub is set up for a gate: environments, reviewers,
// branches, and what the token may see. The advice is the command that sets it.
func Setup(ctx context.Context, client *github.Client, g *platform.Gate) (out []plan.Finding) {
	q := &Question{GitHub: client, Gate: g}
	var seen []string
	for _, group := range g.Approvals {
		if !g.Comments && !slices.Contains(seen, group.Environment) {
			seen = append(seen, group.Environment)
			out = append(out, q.environmentSetup(ctx, group)...)
		}
		for _, team := range group.Teams {
			out = append(out, teamSetup(ctx, client, team))
		}
	}
	if g.Comments {
		out = append(out, readable("comments", "give the job `permissions: {issues: write}`", func() (string, error) {
			issues, err := client.Issues(ctx, ApprovalLabel, "open", time.Time{})
			return fmt.Sprintf("%d issues wait for an approval", len(issues)), err
		}))
	}
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
	return out
}

// environmentSetup is what a group's environment lacks.
func (q *Question) environmentSetup(ctx context.Context, g platform.Approval) []plan.Finding {
	id := "environment/" + g.Environment
	at := fmt.Sprintf("repos/%s/%s/environments/%s", q.GitHub.Owner, q.GitHub.Name, g.Environment)
	set := fmt.Sprintf(`gh api -X PUT %s --input - <<< '{"prevent_self_review": true, "can_admins_bypass": false, "reviewers": [{"type": "Team", "id": ID}], "deployment_branch_policy": {"protected_branches": false, "custom_branch_policies": true}}'`, at)
	branch := fmt.Sprintf("gh api -X POST %s/deployment-branch-policies -f name=%s", at, q.Gate.Branch)
	e, err := q.GitHub.Environment(ctx, g.Environment)
	if err != nil {
		f := unprotected(g, err)
		if github.Missing(err) {
			f.Advice = set + " && " + branch
		}
		return []plan.Finding{f}
	}
	out := q.protected(ctx, g, e)
	for i := range out {
		out[i].Advice = set
		if strings.HasPrefix(out[i].Text, "it can be deployed to from") && e.Policy != nil {
			out[i].Advice = branch
		}
	}
	if len(out) == 0 {
		out = append(out, pass(id, "it has reviewers, nobody may bypass them, and only %s deploys", q.Gate.Branch))
	}
	return out
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
