package github

import (
	"encoding/json"
	"net/http"
)

// Rule of a branch, by GitHub's name for its type; Reviews are those that a rule
// of type pull_request wants.
type Rule struct {
	Type    string
	Reviews int
}

func (h *Hub) getRules(w http.ResponseWriter, r *http.Request) {
	branch := r.PathValue("branch")
	rules := h.rules[branch]
	if h.protected[branch] {
		rules = append(rules, Rule{Type: "pull_request", Reviews: 1})
	}
	list := []any{}
	for _, rule := range rules {
		list = append(list, ruleOf(rule, h.Repository))
	}
	paged(w, r, list, "")
}

func ruleOf(r Rule, repository string) object {
	out := object{"type": r.Type, "ruleset_source_type": "Repository", "ruleset_source": repository, "ruleset_id": 42}
	switch r.Type {
	case "pull_request":
		out["parameters"] = object{
			"dismiss_stale_reviews_on_push": true, "require_code_owner_review": false, "require_last_push_approval": true,
			"required_approving_review_count": r.Reviews, "required_review_thread_resolution": false,
		}
	case "commit_message_pattern":
		out["parameters"] = object{"operator": "starts_with", "pattern": "issue"}
	case "required_status_checks":
		out["parameters"] = object{"required_status_checks": []any{object{"context": "test"}}, "strict_required_status_checks_policy": true}
	}
	return out
}

// getProtection is the older kind, which knows nothing of rules.
func (h *Hub) getProtection(w http.ResponseWriter, r *http.Request) {
	reviews, protected := h.classic[r.PathValue("branch")]
	if !protected {
		refuse(w, http.StatusNotFound, "Branch not protected")
		return
	}
	answer(w, http.StatusOK, protection(reviews))
}

// protection is no example of GitHub's: that does not fit its own schema.
func protection(reviews int) object {
	out := object{"enforce_admins": with(example("branch-protection").(object)["enforce_admins"], object{})}
	if reviews > 0 {
		out["required_pull_request_reviews"] = object{"dismiss_stale_reviews": true, "require_code_owner_reviews": false, "required_approving_review_count": reviews}
	}
	return out
}

func (h *Hub) putProtection(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Reviews struct {
			Count int `json:"required_approving_review_count"`
		} `json:"required_pull_request_reviews"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusUnprocessableEntity, "Validation Failed")
		return
	}
	h.classic[r.PathValue("branch")] = asked.Reviews.Count
	answer(w, http.StatusOK, example("branch-protection-update"))
}
