package github

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Started is a workflow that a program started.
type Started struct {
	Workflow, Ref string
	Inputs        map[string]string
}

// Started are the workflows that programs started.
func (h *Hub) Started() []Started {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.started)
}

// Checks are the check runs of all commits.
func (h *Hub) Checks() []Check {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.checks)
}

// postCheck takes a check run from a workflow, whose token is GitHub Actions' own.
func (h *Hub) postCheck(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Name       string `json:"name"`
		SHA        string `json:"head_sha"`
		Conclusion string `json:"conclusion"`
		Output     struct {
			Title   string `json:"title"`
			Summary string `json:"summary"`
		} `json:"output"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	c := Check{SHA: asked.SHA, Name: asked.Name, App: "github-actions", Conclusion: asked.Conclusion, Completed: time.Now(), Title: asked.Output.Title, Summary: asked.Output.Summary}
	h.checks = append(h.checks, c)
	answer(w, http.StatusCreated, h.check(c))
}

func (h *Hub) postDispatch(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Ref    string            `json:"ref"`
		Inputs map[string]string `json:"inputs"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	if strings.Trim(asked.Ref, "0") == "" { // of forty zeros, as of a commit that is not there
		refuse(w, http.StatusUnprocessableEntity, "No ref found for: "+asked.Ref)
		return
	}
	h.started = append(h.started, Started{Workflow: r.PathValue("workflow_id"), Ref: asked.Ref, Inputs: asked.Inputs})
	w.WriteHeader(http.StatusNoContent)
}
