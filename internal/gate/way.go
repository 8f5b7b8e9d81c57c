package gate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
)

// way is one in which a run may use an environment of GitHub.
type way struct {
	kind     string
	gate     *platform.Gate
	workflow string
	groups   []platform.Approval // whose reviews count
}

// Kinds of ways, as a sentence has them.
const (
	releases = "releases"
	goesBack = "rolls back"
	uses     = "uses this environment"
)

// events that start a run which may go a way. A release or a rollback is asked
// for by name; what needs no review may also come by itself, but never from a
// pull request.
func (w way) events() []string {
	if w.kind == uses {
		return []string{"workflow_dispatch", "push", "schedule"}
	}
	return []string{"workflow_dispatch"}
}

// way of a question: a rollback has a workflow of its own.
func (q *Question) way() way {
	if q.Back != nil {
		return way{kind: goesBack, gate: q.Gate, workflow: q.Gate.Rollback.Workflow, groups: q.Gate.Rollback.Approvals}
	}
	return way{kind: releases, gate: q.Gate, workflow: q.Gate.Workflow, groups: q.Gate.Approvals}
}

// waysInto are all in which an environment of GitHub is used. One that is released
// itself has those of its own gate alone.
func waysInto(p *platform.Platform, environment string) (out []way) {
	for _, name := range slices.Sorted(maps.Keys(p.Environments)) {
		g := p.Environments[name].Gate
		switch {
		case g == nil:
		case strings.EqualFold(name, environment):
			return append(waysOf(g, environment), way{kind: releases, gate: g, workflow: g.Workflow, groups: g.Approvals})
		default:
			out = append(out, waysOf(g, environment)...)
		}
	}
	return out
}

// waysOf are those by which a gate names an environment.
func waysOf(g *platform.Gate, environment string) (out []way) {
	named := func(a platform.Approval) bool { return strings.EqualFold(a.Environment, environment) }
	if slices.ContainsFunc(g.Approvals, named) {
		out = append(out, way{kind: releases, gate: g, workflow: g.Workflow, groups: g.Approvals})
	}
	if r := g.Rollback; r != nil && slices.ContainsFunc(r.Approvals, named) {
		out = append(out, way{kind: goesBack, gate: g, workflow: r.Workflow, groups: r.Approvals})
	}
	for _, u := range g.Unreviewed {
		if strings.EqualFold(u.Environment, environment) {
			out = append(out, way{kind: uses, gate: g, workflow: u.Workflow})
		}
	}
	return out
}

// of is the way that a run goes, by its workflow; the first, if it goes none.
func of(ways []way, run *github.Run) way {
	path, _, _ := strings.Cut(run.Path, "@")
	if i := slices.IndexFunc(ways, func(w way) bool { return w.workflow == path }); i >= 0 {
		return ways[i]
	}
	return ways[0]
}

// foreign says in what a run is none that may go one of the ways: of another
// repository, workflow, branch or event.
func foreign(client *github.Client, ways []way, run *github.Run, id int64) []plan.Finding {
	path, ref, called := strings.Cut(run.Path, "@")
	w := of(ways, run)
	branch := w.gate.Branch
	return wrongs([]wrong{
		{run.ID != id, "run", "GitHub answered for run %d", []any{run.ID}},
		{!strings.EqualFold(run.Repository.FullName, client.Owner+"/"+client.Name), "run/repository", "the run is of %s", []any{run.Repository.FullName}},
		{!strings.EqualFold(run.Head.FullName, run.Repository.FullName), "run/repository", "its code is of %s", []any{orNone(run.Head.FullName)}},
		{!slices.Contains(w.events(), run.Event), "run/event", "it was started by %s; only %s may start what %s", []any{orNone(run.Event), strings.Join(w.events(), ", "), w.kind}},
		{path != w.workflow, "run/workflow", "it runs %s, and only %s", []any{orNone(path), only(ways)}},
		{called && ref != branch && ref != "refs/heads/"+branch, "run/workflow", "its workflow is of %s, not of %s", []any{ref, branch}},
		{run.Branch != branch, "run/branch", "it runs on %s, not on %s", []any{orNone(run.Branch), branch}},
	})
}

func only(ways []way) string {
	var does []string
	for _, w := range ways {
		does = append(does, fmt.Sprintf("%s %s", w.workflow, w.kind))
	}
	slices.Sort(does)
	return strings.Join(slices.Compact(does), ", ")
}
