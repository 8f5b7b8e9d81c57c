package github

import (
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (h *Hub) getDeployments(w http.ResponseWriter, r *http.Request) {
	list := []any{}
	for i := len(h.deployments) - 1; i >= 0; i-- { // the newest first
		d, q := h.deployments[i], r.URL.Query()
		// "none" is the description's default, which whoever checks the request fills in.
		wanted := func(name, value string) bool { return slices.Contains([]string{"", "none", value}, q.Get(name)) }
		if wanted("environment", d.Environment) && wanted("task", d.Task) && wanted("sha", d.SHA) && wanted("ref", d.Ref) {
			list = append(list, h.deployment(d))
		}
	}
	paged(w, r, list, "")
}

func (h *Hub) postDeployment(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Ref         string `json:"ref"`
		Task        string `json:"task"`
		Environment string `json:"environment"`
		Description string `json:"description"`
		Payload     any    `json:"payload"`
		Production  *bool  `json:"production_environment"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	if asked.Payload == nil {
		asked.Payload = object{}
	}
	if asked.Ref == strings.Repeat("0", 40) || !commit.MatchString(asked.Ref) && asked.Ref != "main" {
		refuse(w, http.StatusUnprocessableEntity, "No ref found for: "+asked.Ref)
		return
	}
	d := h.deploy(Deployment{
		Task: cmp.Or(asked.Task, "deploy"), Environment: asked.Environment, Ref: asked.Ref, SHA: asked.Ref,
		Description: asked.Description, Payload: asked.Payload, Production: asked.Environment == "production",
	})
	if asked.Production != nil {
		d.Production = *asked.Production
	}
	answer(w, http.StatusCreated, h.deployment(d))
}

var commit = regexp.MustCompile(`^[0-9a-f]{40}$`)

func (h *Hub) deploy(d Deployment) *Deployment {
	d.ID = int64(len(h.deployments) + 1)
	h.deployments = append(h.deployments, &d)
	return &d
}

func (h *Hub) getDeployment(w http.ResponseWriter, r *http.Request) {
	if d := h.deploymentOf(w, r); d != nil {
		answer(w, http.StatusOK, h.deployment(d))
	}
}

// begin is what GitHub Actions does by itself when a job of an environment begins:
// it makes a deployment of its own.
func (h *Hub) begin(run *Run, environment string) {
	d := h.deploy(Deployment{Run: run.ID, Task: "deploy", Environment: environment, Ref: run.Branch, SHA: run.SHA, Payload: object{}, Production: environment == "production"})
	d.Statuses = append(d.Statuses, Status{State: "in_progress"})
}

// End is the end of a run's job of an environment: Actions sets the status of its
// own deployment, and a success ends those before it.
func (h *Hub) End(run int64, environment, state string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.deployments {
		if d.Run == run && d.Environment == environment {
			h.setStatus(d, Status{State: state}, true)
		}
	}
}

// Forge gives a deployment another payload, which GitHub has no way to do.
func (h *Hub) Forge(id int64, payload string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return json.Unmarshal([]byte(payload), &h.deployments[id-1].Payload)
}

// setStatus adds a status. With autoInactive a success makes earlier ones of the
// same environment inactive, unless that is one of production.
func (h *Hub) setStatus(d *Deployment, s Status, autoInactive bool) {
	d.Statuses = append(d.Statuses, s)
	for _, other := range h.deployments {
		if n := len(other.Statuses); autoInactive && s.State == "success" && other != d && n > 0 && !other.Production &&
			other.Environment == d.Environment && other.Statuses[n-1].State == "success" {
			other.Statuses = append(other.Statuses, Status{State: "inactive"})
		}
	}
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
		AutoInactive   *bool  `json:"auto_inactive"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	if len([]rune(asked.Description)) > 140 {
		refuse(w, http.StatusUnprocessableEntity, "Validation Failed")
		return
	}
	s := Status{State: asked.State, Description: asked.Description, EnvironmentURL: asked.EnvironmentURL, LogURL: asked.LogURL}
	h.setStatus(d, s, asked.AutoInactive == nil || *asked.AutoInactive)
	answer(w, http.StatusCreated, h.status(d, s, len(d.Statuses)))
}
