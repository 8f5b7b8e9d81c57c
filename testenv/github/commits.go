package github

import (
	"net/http"
	"slices"
	"time"
)

// Commits is what GitHub knows of commits beside their checks.
type Commits struct {
	// Analysed are those that code scanning has looked at.
	Analysed []string
	// Failed are those that it could not look at.
	Failed []string
	// Patches of files that changed between two commits, by name.
	Patches map[string]string
	// Labels of the merged pull request that each commit came by.
	Labels []string
	// Unmerged says that the pull request is still open.
	Unmerged bool
	// Author wrote each commit; "" is somebody without an account.
	Author string
}

func (h *Hub) getAnalyses(w http.ResponseWriter, r *http.Request) {
	base := example("code-scanning-analysis-items").([]any)[0]
	list := []any{}
	for _, sha := range slices.Concat(h.commits.Analysed, h.commits.Failed) {
		a := with(base, object{"commit_sha": sha, "ref": r.URL.Query().Get("ref"), "error": ""})
		if slices.Contains(h.commits.Failed, sha) {
			a["error"] = "the database could not be built"
		}
		list = append(list, a)
	}
	paged(w, r, list, "")
}

func (h *Hub) getPulls(w http.ResponseWriter, r *http.Request) {
	base := example("pull-request-simple-items").([]any)[0].(object)
	labels := []any{}
	for _, name := range h.commits.Labels {
		labels = append(labels, with(base["labels"].([]any)[0], object{"id": number(name), "name": name}))
	}
	pull := with(base, object{"number": 5, "labels": labels, "requested_teams": []any{}, "merged_at": time.Now().UTC().Format(time.RFC3339)})
	if h.commits.Unmerged {
		pull["merged_at"] = nil
	}
	paged(w, r, []any{pull}, "")
}

func (h *Hub) getCommit(w http.ResponseWriter, r *http.Request) {
	c := with(example("commit"), object{"sha": r.PathValue("ref"), "author": nil, "committer": nil, "files": []any{}})
	if h.commits.Author != "" {
		c["author"], c["committer"] = h.user(h.commits.Author), h.user("web-flow")
	}
	answer(w, http.StatusOK, c)
}
