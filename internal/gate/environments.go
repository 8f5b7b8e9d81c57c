package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
)

// environmentSetup is what a group's environment lacks.
func (q *Question) environmentSetup(ctx context.Context, g platform.Approval) []plan.Finding {
	set, branch := setCommand(q.GitHub, g.Environment, q.reviewersOf(g.Environment)), branchCommand(q.GitHub, g.Environment, q.Gate.Branch)
	e, err := q.GitHub.Environment(ctx, g.Environment)
	if err != nil {
		f := unprotected(g, err)
		if github.Missing(err) {
			f.Advice = set + " && " + branch + ", and then " + bypass(g.Environment)
		}
		return []plan.Finding{f}
	}
	out := q.protected(ctx, g, e)
	for i, f := range out {
		_, why, _ := strings.Cut(f.Advice, "; ") // beside where it is set, such as which plan has it
		switch {
		case strings.HasPrefix(f.Text, "administrators"):
			out[i].Advice = bypass(g.Environment)
		case strings.HasPrefix(f.Text, "it can be deployed to from every branch"):
			out[i].Advice = set + " && " + branch
		case strings.HasPrefix(f.Text, "it can be deployed to from"):
			out[i].Advice = branch + ", and take the others off its page"
		case strings.HasPrefix(f.Text, "it takes protected branches"):
			out[i].Advice = protectCommand(q.GitHub, q.Gate.Branch)
		default:
			out[i].Advice = set
		}
		if why != "" {
			out[i].Advice += "; " + why
		}
	}
	if len(out) == 0 {
		out = append(out, pass("environment/"+g.Environment, "it has reviewers, nobody may bypass them, and only %s deploys", q.Gate.Branch))
	}
	return out
}

// openEnvironments are those of the workflows whose jobs wait for nobody: they
// plan, they watch, and they release what is promoted from there.
func (q *Question) openEnvironments() []string {
	open := []string{q.Environment + "-plan", q.Environment + "-watch"}
	for _, u := range q.Gate.Unreviewed {
		open = append(open, u.Environment)
	}
	if q.Gate.Promotes != nil {
		open = append(open, q.Gate.Promotes.Environment)
	}
	return open
}

// openSetup wants an environment to have secrets for one branch, and no reviewers.
func (q *Question) openSetup(ctx context.Context, name string) plan.Finding {
	id, set := "environment/"+name, setCommand(q.GitHub, name, nil)+" && "+branchCommand(q.GitHub, name, q.Gate.Branch)
	e, err := q.GitHub.Environment(ctx, name)
	if github.Missing(err) {
		return fail(id, set, "it is not there, and GitHub would make it for every branch")
	} else if err != nil {
		return unknown(id, err)
	}
	if slices.ContainsFunc(e.Rules, func(r github.Rule) bool { return r.Type == "required_reviewers" }) {
		return fail(id, set, "it has reviewers, and its jobs would wait for them each time")
	}
	if found := q.branches(ctx, platform.Approval{Environment: name}, e, id, set); len(found) > 0 {
		found[0].Advice = set
		return found[0]
	}
	return pass(id, "it waits for nobody, and only %s deploys", q.Gate.Branch)
}

// ruleSetup wants an App to be asked before a job of an environment begins. Of one
// that is not there something else says so.
func (q *Question) ruleSetup(ctx context.Context, name string) []plan.Finding {
	id := "rule/" + name
	apps, err := q.GitHub.AppRules(ctx, name)
	switch {
	case github.Missing(err):
		return nil
	case err != nil:
		return []plan.Finding{unknown(id, err)}
	case len(apps) == 0:
		return []plan.Finding{fail(id, "install the App of `slipway gate serve`, and turn its rule on under Settings, Environments, "+name, "no App is asked before its jobs begin, so that gate.unreviewed keeps nobody out")}
	}
	return []plan.Finding{pass(id, "its jobs begin when %s lets them", strings.Join(apps, ", "))}
}

// reviewersOf an environment are the people and teams of all groups that review it,
// and of all groups where none does.
func (q *Question) reviewersOf(environment string) (out []string) {
	reviews := func(g platform.Approval) bool { return g.Environment == environment }
	groups := q.reviewing()
	anybody := !slices.ContainsFunc(groups, reviews)
	for _, g := range groups {
		if !anybody && !reviews(g) {
			continue
		}
		for _, user := range g.Users {
			out = append(out, reviewer("User", "users/"+user))
		}
		for _, team := range g.Teams {
			out = append(out, reviewer("Team", "orgs/"+q.GitHub.Owner+"/teams/"+team))
		}
	}
	return out
}

// reviewing are the groups of the gate, and those of a rollback: one of a release,
// where the platform file has none, for the workflow that rolls back has an
// environment of its own in any case.
func (q *Question) reviewing() []platform.Approval {
	if q.Gate.Rollback != nil {
		return slices.Concat(q.Gate.Approvals, q.Gate.Rollback.Approvals)
	}
	return append(slices.Clone(q.Gate.Approvals), platform.Approval{Name: "rollback", Environment: q.Environment + "-rollback"})
}

// reviewer asks GitHub for the number that it wants, where the command runs.
func reviewer(kind, path string) string {
	return fmt.Sprintf(`{\"type\": \"%s\", \"id\": $(gh api %s --jq .id)}`, kind, path)
}

// setCommand makes an environment, or sets all of it.
func setCommand(c *github.Client, environment string, reviewers []string) string {
	return fmt.Sprintf(`gh api -X PUT repos/%s/%s/environments/%s --input - <<< "{\"prevent_self_review\": %t, \"reviewers\": [%s], \"deployment_branch_policy\": {\"protected_branches\": false, \"custom_branch_policies\": true}}"`,
		c.Owner, c.Name, environment, len(reviewers) > 0, strings.Join(reviewers, ", "))
}

func branchCommand(c *github.Client, environment, branch string) string {
	return fmt.Sprintf("gh api -X POST repos/%s/%s/environments/%s/deployment-branch-policies -f name=%s", c.Owner, c.Name, environment, branch)
}

func protectCommand(c *github.Client, branch string) string {
	return fmt.Sprintf(`gh api -X PUT repos/%s/%s/branches/%s/protection --input - <<< '{"required_pull_request_reviews": {"required_approving_review_count": 1}, "required_status_checks": null, "enforce_admins": true, "restrictions": null}'`, c.Owner, c.Name, branch)
}

// bypass is a setting that GitHub's API has no request for.
func bypass(environment string) string {
	return "turn off \"Allow administrators to bypass configured protection rules\" under Settings, Environments, " + environment
}
