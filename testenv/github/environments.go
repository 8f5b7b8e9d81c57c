package github

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

func (h *Hub) environmentOf(w http.ResponseWriter, r *http.Request) *Environment {
	for name, e := range h.environments {
		if strings.EqualFold(name, r.PathValue("environment_name")) {
			return e
		}
	}
	refuse(w, http.StatusNotFound, "Not Found")
	return nil
}

func (h *Hub) getEnvironment(w http.ResponseWriter, r *http.Request) {
	if e := h.environmentOf(w, r); e != nil {
		answer(w, http.StatusOK, h.environment(e))
	}
}

func (h *Hub) getBranchPolicies(w http.ResponseWriter, r *http.Request) {
	if e := h.environmentOf(w, r); e != nil {
		list := []any{}
		for _, name := range e.Branches {
			list = append(list, branchPolicy(name))
		}
		paged(w, r, list, "branch_policies")
	}
}

func (h *Hub) getAppRules(w http.ResponseWriter, r *http.Request) {
	if e := h.environmentOf(w, r); e != nil {
		list := []any{}
		for _, app := range e.Apps {
			list = append(list, with(example("deployment-protection-rule"), object{
				"id": number(app), "enabled": true, "app": object{"id": number(app), "node_id": "x", "slug": app, "integration_url": "https://api.github.com/apps/" + app},
			}))
		}
		answer(w, http.StatusOK, object{"total_count": len(list), "custom_deployment_protection_rules": list})
	}
}

func branchPolicy(name string) object {
	return with(example("deployment-branch-policies-list").(object)["branch_policies"].([]any)[0], object{"id": number(name), "name": name})
}

func (h *Hub) postBranchPolicy(w http.ResponseWriter, r *http.Request) {
	e := h.environmentOf(w, r)
	if e == nil {
		return
	}
	var asked struct{ Name string }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || e.Policy != CustomBranches {
		refuse(w, http.StatusNotFound, "Not Found") // so says the description where there is no custom policy
		return
	}
	e.Branches = append(e.Branches, asked.Name)
	answer(w, http.StatusOK, branchPolicy(asked.Name))
}

// putEnvironment sets all that the request may say; what it leaves out is no more.
func (h *Hub) putEnvironment(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		PreventSelfReview bool `json:"prevent_self_review"`
		Reviewers         []struct {
			Type string
			ID   int64
		}
		Policy *struct {
			Protected bool `json:"protected_branches"`
			Custom    bool `json:"custom_branch_policies"`
		} `json:"deployment_branch_policy"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Policy != nil && asked.Policy.Protected == asked.Policy.Custom {
		refuse(w, http.StatusUnprocessableEntity, "Validation Failed")
		return
	}
	name, bypass := r.PathValue("environment_name"), true // GitHub's own default
	e := h.environments[name]
	if e == nil {
		e = &Environment{Name: name, AdminsBypass: &bypass}
		h.environments[name] = e
	}
	e.PreventSelfReview, e.Users, e.Teams, e.Policy = asked.PreventSelfReview, nil, nil, NoPolicy
	for _, reviewer := range asked.Reviewers {
		slug, user := h.named(reviewer.ID)
		switch {
		case reviewer.Type == "Team" && slug != "":
			e.Teams = append(e.Teams, slug)
		case reviewer.Type == "User" && user != "":
			e.Users = append(e.Users, user)
		default:
			refuse(w, http.StatusUnprocessableEntity, "Validation Failed")
			return
		}
	}
	if asked.Policy != nil {
		e.Policy = CustomBranches
		if asked.Policy.Protected {
			e.Policy = ProtectedBranches
		}
	}
	answer(w, http.StatusOK, h.environment(e))
}

// named is the team, or the member of one, with a number.
func (h *Hub) named(id int64) (team, user string) {
	for _, name := range slices.Sorted(maps.Keys(h.teams)) {
		if _, slug, _ := strings.Cut(name, "/"); number(slug) == id {
			return slug, ""
		}
		for member := range h.teams[name] {
			if number(member) == id {
				return "", member
			}
		}
	}
	return "", ""
}
