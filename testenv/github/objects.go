package github

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

type object = map[string]any

// with is a copy of one of GitHub's examples with some of its values replaced.
func with(base any, values object) object {
	out := maps.Clone(base.(object))
	maps.Copy(out, values)
	return out
}

func (h *Hub) user(login string) object {
	kind := "User"
	if h.bots[login] || strings.HasSuffix(login, "[bot]") {
		kind = "Bot"
	}
	approval := example("environment-approvals-items").([]any)[0].(object)
	return with(approval["user"], object{"login": login, "id": number(login), "type": kind})
}

func (h *Hub) team(slug string) object {
	for _, rule := range example("environment").(object)["protection_rules"].([]any) {
		reviewers, _ := rule.(object)["reviewers"].([]any)
		for _, r := range reviewers {
			if r.(object)["type"] == "Team" {
				return with(r.(object)["reviewer"], object{"id": number(slug), "slug": slug, "name": slug})
			}
		}
	}
	panic("GitHub's example of an environment has no team")
}

func (h *Hub) run(r *Run, attempt int) object {
	triggering := r.Actor
	if attempt <= len(r.TriggeringActors) {
		triggering = r.TriggeringActors[attempt-1]
	}
	base := example("workflow-run").(object)
	return with(base, object{
		"repository":      with(base["repository"], object{"full_name": h.Repository}),
		"head_repository": with(base["head_repository"], object{"full_name": cmp.Or(r.Fork, h.Repository)}),
		"id":              r.ID, "run_attempt": attempt, "head_sha": r.SHA, "head_branch": r.Branch, "path": r.Path, "event": r.Event,
		"actor": h.user(r.Actor), "triggering_actor": h.user(triggering),
	})
}

func (h *Hub) reviewers(e *Environment) []any {
	out := []any{}
	for _, u := range e.Users {
		out = append(out, object{"type": "User", "reviewer": h.user(u)})
	}
	for _, t := range e.Teams {
		out = append(out, object{"type": "Team", "reviewer": h.team(t)})
	}
	return out
}

func (h *Hub) environment(e *Environment) object {
	rules := []any{}
	if reviewers := h.reviewers(e); len(reviewers) > 0 {
		rules = append(rules, object{
			"id": 1, "node_id": "x", "type": "required_reviewers", "prevent_self_review": e.PreventSelfReview, "reviewers": reviewers,
		})
	}
	out := with(example("environment"), object{"id": number(e.Name), "name": e.Name, "protection_rules": rules, "deployment_branch_policy": nil})
	if e.AdminsBypass != nil {
		out["can_admins_bypass"] = *e.AdminsBypass
	}
	if e.Policy != NoPolicy {
		out["deployment_branch_policy"] = object{"protected_branches": e.Policy == ProtectedBranches, "custom_branch_policies": e.Policy == CustomBranches}
	}
	return out
}

func (h *Hub) review(r Review) object {
	base := example("environment-approvals-items").([]any)[0].(object)
	environments := []any{}
	for _, name := range r.Environments {
		environments = append(environments, with(base["environments"].([]any)[0], object{"id": number(name), "name": name}))
	}
	return with(base, object{"state": r.State, "comment": r.Comment, "user": h.user(r.User), "environments": environments})
}

func (h *Hub) pending(e *Environment) object {
	base := example("pending-deployment-items").([]any)[0].(object)
	return with(base, object{
		"environment": with(base["environment"], object{"id": number(e.Name), "name": e.Name}), "wait_timer": 0, "reviewers": h.reviewers(e),
	})
}

func (h *Hub) check(c Check) object {
	base := example("check-run-paginated").(object)["check_runs"].([]any)[0].(object)
	completed := c.Completed.UTC().Format(time.RFC3339)
	out := with(base, object{
		"id": number(c.SHA + c.Name + c.App), "head_sha": c.SHA, "name": c.Name, "started_at": completed, "completed_at": completed,
		"status": "completed", "conclusion": c.Conclusion, "app": with(base["app"], object{"slug": c.App, "id": number(c.App)}),
	})
	if c.Conclusion == "" {
		out["status"], out["conclusion"], out["completed_at"] = "in_progress", nil, nil
	}
	return out
}

func (h *Hub) alert(a Alert) object {
	base := example("code-scanning-alert-items").([]any)[0].(object)
	instance := base["most_recent_instance"].(object)
	// What is no weakness has no severity of security.
	level, severity := any(a.Severity), base["rule"].(object)["severity"]
	if slices.Contains([]string{"none", "note", "warning", "error"}, a.Severity) {
		level, severity = nil, a.Severity
	}
	return with(base, object{
		"number": a.Number, "state": a.State,
		"rule":                 with(base["rule"], object{"id": a.Rule, "name": a.Rule, "security_severity_level": level, "severity": severity}),
		"most_recent_instance": with(instance, object{"state": a.State, "location": with(instance["location"], object{"path": a.Path})}),
	})
}

func (h *Hub) deployment(d *Deployment) object {
	return with(example("deployment"), object{
		"id": d.ID, "sha": d.SHA, "ref": d.Ref, "environment": d.Environment, "original_environment": d.Environment, "task": d.Task,
		"payload": d.Payload, "description": d.Description, "production_environment": d.Production,
	})
}

func (h *Hub) status(d *Deployment, s Status, id int) object {
	return with(example("deployment-status"), object{
		"id": id, "state": s.State, "description": s.Description, "environment": d.Environment,
		"environment_url": s.EnvironmentURL, "log_url": s.LogURL, "target_url": s.LogURL,
	})
}
