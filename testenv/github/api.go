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

// operations that are answered, by GitHub's names for them.
func (h *Hub) operations() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"repos/get":                                       h.getRepository,
		"orgs/get":                                        h.getOrganization,
		"actions/list-jobs-for-workflow-run":              h.getJobs,
		"repos/create-or-update-environment":              h.putEnvironment,
		"repos/create-deployment-branch-policy":           h.postBranchPolicy,
		"repos/update-branch-protection":                  h.putProtection,
		"repos/list-releases":                             h.getReleases,
		"repos/create-release":                            h.postRelease,
		"actions/get-workflow-run":                        h.getRun,
		"actions/get-workflow-run-attempt":                h.getRun,
		"actions/get-reviews-for-run":                     h.getReviews,
		"actions/get-pending-deployments-for-run":         h.getPending,
		"actions/review-pending-deployments-for-run":      h.postReview,
		"actions/review-custom-gates-for-run":             h.postDecision,
		"repos/get-environment":                           h.getEnvironment,
		"repos/list-deployment-branch-policies":           h.getBranchPolicies,
		"repos/get-all-deployment-protection-rules":       h.getAppRules,
		"repos/get-branch-protection":                     h.getProtection,
		"repos/get-branch-rules":                          h.getRules,
		"teams/get-membership-for-user-in-org":            h.getMembership,
		"teams/list-members-in-org":                       h.getMembers,
		"checks/list-for-ref":                             h.getChecks,
		"checks/create":                                   h.postCheck,
		"actions/create-workflow-dispatch":                h.postDispatch,
		"code-scanning/list-alerts-for-repo":              h.getAlerts,
		"repos/compare-commits-with-basehead":             h.getCompare,
		"repos/list-deployments":                          h.getDeployments,
		"repos/get-deployment":                            h.getDeployment,
		"repos/create-deployment":                         h.postDeployment,
		"repos/list-deployment-statuses":                  h.getStatuses,
		"repos/create-deployment-status":                  h.postStatus,
		"apps/create-installation-access-token":           h.postToken,
		"apps/get-repo-installation":                      h.getInstallation,
		"issues/list-for-repo":                            h.getIssues,
		"issues/create":                                   h.postIssue,
		"issues/get":                                      h.getIssue,
		"issues/update":                                   h.patchIssue,
		"issues/list-comments":                            h.getComments,
		"issues/create-comment":                           h.postComment,
		"repos/get-commit":                                h.getCommit,
		"repos/list-pull-requests-associated-with-commit": h.getPulls,
		"code-scanning/list-recent-analyses":              h.getAnalyses,
	}
}

// api answers what the description allows.
func (h *Hub) api() http.Handler {
	operations := h.operations()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _ := r.Context().Value(operation{}).(string)
		do := operations[id]
		ours := strings.HasPrefix(r.URL.Path, "/app/") || strings.HasPrefix(r.URL.Path+"/", "/orgs/"+h.owner()+"/") || strings.HasPrefix(r.URL.Path+"/", "/repos/"+h.Repository+"/")
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
		state, ref := r.URL.Query().Get("state"), r.URL.Query().Get("ref")
		if (state == "" || state == a.State) && (ref == "" || branchOf(ref) == a.branch()) {
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
