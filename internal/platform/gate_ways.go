package platform

import (
	"slices"
	"strings"
)

// GateRollback says who lets an environment go back, where its workflow asks for that: a list of its own, which may be shorter.
type GateRollback struct {
	// Workflow is the file of the workflow that rolls back, such as .github/workflows/rollback.yml.
	Workflow string `yaml:"workflow"`
	// Approvals by groups of people, all of which are needed. The environment that counts is, by default, that of the release with -rollback behind it.
	Approvals []Approval `yaml:"approvals"`
}

// WayBack is the file of the workflow that rolls an environment back, and the branch
// that it runs on.
func (e Environment) WayBack() (workflow, branch string) {
	workflow, branch = ".github/workflows/rollback.yml", "main"
	if e.Gate == nil {
		return workflow, branch
	}
	if e.Gate.Rollback != nil {
		workflow = e.Gate.Rollback.Workflow
	}
	return workflow, e.Gate.Branch
}

// Unreviewed is an environment of GitHub that needs no review.
type Unreviewed struct {
	// Environment of GitHub, such as production-plan.
	Environment string `yaml:"environment"`
	// Workflow is the file of the workflow whose jobs use it.
	Workflow string `yaml:"workflow"`
}

func (r *GateRollback) fillDefaults(environment string) {
	if r == nil {
		return
	}
	for i := range r.Approvals {
		fill(&r.Approvals[i].Environment, environment+"-rollback")
		if r.Approvals[i].Least == 0 {
			r.Approvals[i].Least = 1
		}
	}
}

func validateWays(at, environment string, g *Gate, d *document) {
	if r := g.Rollback; r != nil {
		rollback := join(at, "rollback")
		d.required(rollback, "workflow", "the file of the workflow that rolls back")
		d.required(rollback, "approvals", "at least one group of people")
		d.text(join(rollback, "workflow"), r.Workflow, func(s string) string {
			if s == g.Workflow && s != "" {
				return "expected another workflow than the one that releases: which of the two a run does would not be known before"
			}
			return isWorkflow(s)
		})
		validateApprovals(join(rollback, "approvals"), r.Approvals, g.Comments, d)
		for i, a := range r.Approvals {
			if a.Waives != "" {
				d.report(join(item(join(rollback, "approvals"), i), "waives"), "a rollback has no findings that could be waived", "leave it out")
			}
		}
	}
	for i, u := range g.Unreviewed {
		unreviewed := item(join(at, "unreviewed"), i)
		d.required(unreviewed, "environment", "an environment of GitHub")
		d.required(unreviewed, "workflow", "the file of the workflow that uses it")
		d.text(join(unreviewed, "workflow"), u.Workflow, isWorkflow)
		d.text(join(unreviewed, "environment"), u.Environment, func(s string) string {
			if strings.EqualFold(s, environment) || g.Reviewed(s) {
				return "expected an environment that needs no review, found " + quote(s)
			}
			return badLabel(s)
		})
	}
}

func isWorkflow(s string) string {
	return matching(workflowPattern, "a file such as .github/workflows/production.yml")(s)
}

// Reviewed reports whether the reviews of an environment of GitHub count, for a
// release or for a rollback.
func (g *Gate) Reviewed(environment string) bool {
	groups := g.Approvals
	if g.Rollback != nil {
		groups = slices.Concat(groups, g.Rollback.Approvals)
	}
	return slices.ContainsFunc(groups, func(a Approval) bool { return strings.EqualFold(a.Environment, environment) })
}
