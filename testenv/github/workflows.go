package github

import "net/http"

// getJobs are the jobs of the newest attempt.
func (h *Hub) getJobs(w http.ResponseWriter, r *http.Request) {
	run := h.runOf(w, r)
	if run == nil {
		return
	}
	base := example("job-paginated").(object)["jobs"].([]any)[0]
	list := []any{}
	for _, name := range run.Jobs {
		list = append(list, with(base, object{"id": number(name), "run_id": run.ID, "run_attempt": run.Attempt, "head_sha": run.SHA, "name": name, "status": "in_progress", "conclusion": nil, "completed_at": nil, "created_at": "2026-11-24T08:00:00Z"}))
	}
	paged(w, r, list, "jobs")
}
