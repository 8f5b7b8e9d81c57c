package github

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (h *Hub) owner() string {
	owner, _, _ := strings.Cut(h.Repository, "/")
	return owner
}

// api answers what the description allows. The names are GitHub's operations.
func (h *Hub) api() http.Handler {
	operations := map[string]http.HandlerFunc{
		"actions/get-workflow-run":                        h.getRun,
		"actions/get-workflow-run-attempt":                h.getRun,
		"actions/get-reviews-for-run":                     h.getReviews,
		"actions/get-pending-deployments-for-run":         h.getPending,
		"actions/review-pending-deployments-for-run":      h.postReview,
		"actions/review-custom-gates-for-run":             h.postDecision,
		"repos/get-environment":                           h.getEnvironment,
		"repos/list-deployment-branch-policies":           h.getBranchPolicies,
		"repos/get-branch-protection":                     h.getProtection,
		"repos/get-branch-rules":                          h.getRules,
		"teams/get-membership-for-user-in-org":            h.getMembership,
		"teams/list-members-in-org":                       h.getMembers,
		"checks/list-for-ref":                             h.getChecks,
		"checks/create":                                   h.postCheck,
		"actions/create-workflow-dispatch":                h.postDispatch,
		"code-scanning/list-alerts-for-repo":              h.getAlerts,
		"repos/compare-commits-with-basehead":             h.getCompare,
		"repos/get-commit":                                h.getCommit,
		"repos/list-pull-requests-associated-with-commit": h.getPulls,
		"code-scanning/list-recent-analyses":              h.getAnalyses,
		"repos/list-deployments":                          h.getDeployments,
		"repos/create-deployment":                         h.postDeployment,
		"repos/list-deployment-statuses":                  h.getStatuses,
		"repos/create-deployment-status":                  h.postStatus,
		"apps/create-installation-access-token":           h.postToken,
		"issues/list-for-repo":                            h.getIssues,
		"issues/create":                                   h.postIssue,
		"issues/get":                                      h.getIssue,
		"issues/update":                                   h.patchIssue,
		"issues/list-comments":                            h.getComments,
		"issues/create-comment":                           h.postComment,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _ := r.Context().Value(operation{}).(string)
		do := operations[id]
		ours := strings.HasPrefix(r.URL.Path, "/app/") || strings.HasPrefix(r.URL.Path, "/orgs/"+h.owner()+"/") || strings.HasPrefix(r.URL.Path, "/repos/"+h.Repository+"/")
		if do == nil || !ours {
			refuse(w, http.StatusNotFound, "Not Found")
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		do(w, r)
	})
}

func (h *Hub) runOf(w http.ResponseWriter, r *http.Request) *Run {
	id, _ := strconv.ParseInt(r.PathValue("run_id"), 10, 64)
	run := h.runs[id]
	if run == nil {
		refuse(w, http.StatusNotFound, "Not Found")
	}
	return run
}

func (h *Hub) getRun(w http.ResponseWriter, r *http.Request) {
	run := h.runOf(w, r)
	if run == nil {
		return
	}
	attempt := run.Attempt
	if text := r.PathValue("attempt_number"); text != "" {
		attempt, _ = strconv.Atoi(text)
	}
	if attempt < 1 || attempt > run.Attempt {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	answer(w, http.StatusOK, h.run(run, attempt))
}

func (h *Hub) getReviews(w http.ResponseWriter, r *http.Request) {
	if run := h.runOf(w, r); run != nil {
		list := []any{}
		for _, review := range run.Reviews {
			list = append(list, h.review(review))
		}
		answer(w, http.StatusOK, list)
	}
}

func (h *Hub) getPending(w http.ResponseWriter, r *http.Request) {
	if run := h.runOf(w, r); run != nil {
		list := []any{}
		for _, name := range run.Waiting {
			if e := h.environments[name]; e != nil {
				list = append(list, h.pending(e))
			}
		}
		answer(w, http.StatusOK, list)
	}
}

// postReview is refused: reviews are people's, made on the page.
func (h *Hub) postReview(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusForbidden, "Resource not accessible by integration")
}

func (h *Hub) postDecision(w http.ResponseWriter, r *http.Request) {
	run := h.runOf(w, r)
	if run == nil {
		return
	}
	var d struct {
		Environment string `json:"environment_name"`
		State       string `json:"state"`
		Comment     string `json:"comment"`
	}
	if err := json.NewDecoder(r.Body).Decode(&d); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	h.decisions = append(h.decisions, Decision{Run: run.ID, Environment: d.Environment, State: d.State, Comment: d.Comment})
	if d.State != "" {
		run.Waiting = slices.DeleteFunc(run.Waiting, func(name string) bool { return name == d.Environment })
	}
	w.WriteHeader(http.StatusNoContent)
}

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
		base := example("deployment-branch-policies-list").(object)["branch_policies"].([]any)[0]
		list := []any{}
		for _, name := range e.Branches {
			list = append(list, with(base, object{"id": number(name), "name": name}))
		}
		paged(w, r, list, "branch_policies")
	}
}

func (h *Hub) getProtection(w http.ResponseWriter, r *http.Request) {
	if !h.protected[r.PathValue("branch")] {
		refuse(w, http.StatusNotFound, "Branch not protected")
		return
	}
	answer(w, http.StatusOK, example("branch-protection"))
}

func (h *Hub) getRules(w http.ResponseWriter, r *http.Request) {
	list := []any{}
	if h.protected[r.PathValue("branch")] {
		list = example("repository-rule-items").([]any)
	}
	answer(w, http.StatusOK, list)
}

func (h *Hub) getMembership(w http.ResponseWriter, r *http.Request) {
	state := h.teams[r.PathValue("org")+"/"+r.PathValue("team_slug")][r.PathValue("username")]
	if state == "" {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	answer(w, http.StatusOK, with(example("team-membership-response-if-user-is-a-team-maintainer"), object{"state": state, "role": "member"}))
}

func (h *Hub) getMembers(w http.ResponseWriter, r *http.Request) {
	team, known := h.teams[r.PathValue("org")+"/"+r.PathValue("team_slug")]
	if !known {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	list := []any{}
	for _, user := range slices.Sorted(maps.Keys(team)) {
		if team[user] == "active" {
			list = append(list, h.user(user))
		}
	}
	paged(w, r, list, "")
}

func (h *Hub) getChecks(w http.ResponseWriter, r *http.Request) {
	list := []any{}
	for _, c := range h.checks {
		if c.SHA == r.PathValue("ref") {
			list = append(list, h.check(c))
		}
	}
	paged(w, r, list, "check_runs")
}

func (h *Hub) getAlerts(w http.ResponseWriter, r *http.Request) {
	list := []any{}
	for _, a := range h.alerts {
		if state := r.URL.Query().Get("state"); state == "" || state == a.State {
			list = append(list, h.alert(a))
		}
	}
	paged(w, r, list, "")
}

func (h *Hub) getCompare(w http.ResponseWriter, _ *http.Request) {
	base := example("commit-comparison").(object)
	files := []any{}
	for _, name := range h.changed {
		file := with(base["files"].([]any)[0], object{"filename": name})
		if patch, ok := h.commits.Patches[name]; ok {
			file["patch"] = patch
		}
		files = append(files, file)
	}
	answer(w, http.StatusOK, with(base, object{"files": files}))
}

func (h *Hub) getDeployments(w http.ResponseWriter, r *http.Request) {
	list := []any{}
	for i := len(h.deployments) - 1; i >= 0; i-- { // the newest first
		if d := h.deployments[i]; r.URL.Query().Get("environment") == "" || r.URL.Query().Get("environment") == d.Environment {
			list = append(list, h.deployment(d))
		}
	}
	paged(w, r, list, "")
}

func (h *Hub) postDeployment(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Ref         string `json:"ref"`
		Environment string `json:"environment"`
		Description string `json:"description"`
		Payload     any    `json:"payload"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	if asked.Payload == nil {
		asked.Payload = object{}
	}
	d := &Deployment{
		ID: int64(len(h.deployments) + 1), Environment: asked.Environment, Ref: asked.Ref, SHA: asked.Ref,
		Description: asked.Description, Payload: asked.Payload,
	}
	h.deployments = append(h.deployments, d)
	answer(w, http.StatusCreated, h.deployment(d))
}

func (h *Hub) deploymentOf(w http.ResponseWriter, r *http.Request) *Deployment {
	id, _ := strconv.Atoi(r.PathValue("deployment_id"))
	if id < 1 || id > len(h.deployments) {
		refuse(w, http.StatusNotFound, "Not Found")
		return nil
	}
	return h.deployments[id-1]
}

func (h *Hub) getStatuses(w http.ResponseWriter, r *http.Request) {
	if d := h.deploymentOf(w, r); d != nil {
		list := []any{}
		for i := len(d.Statuses) - 1; i >= 0; i-- {
			list = append(list, h.status(d, d.Statuses[i], i+1))
		}
		paged(w, r, list, "")
	}
}

func (h *Hub) postStatus(w http.ResponseWriter, r *http.Request) {
	d := h.deploymentOf(w, r)
	if d == nil {
		return
	}
	var asked struct {
		State          string `json:"state"`
		Description    string `json:"description"`
		EnvironmentURL string `json:"environment_url"`
		LogURL         string `json:"log_url"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	s := Status{State: asked.State, Description: asked.Description, EnvironmentURL: asked.EnvironmentURL, LogURL: asked.LogURL}
	d.Statuses = append(d.Statuses, s)
	for _, earlier := range h.deployments[:d.ID-1] {
		if n := len(earlier.Statuses); s.State == "success" && n > 0 && earlier.Environment == d.Environment && earlier.Statuses[n-1].State == "success" {
			earlier.Statuses = append(earlier.Statuses, Status{State: "inactive"})
		}
	}
	answer(w, http.StatusCreated, h.status(d, s, len(d.Statuses)))
}
