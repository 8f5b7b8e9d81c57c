package github

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Issue of the repository. Its number is its place, from 1 on.
type Issue struct {
	Title, Body, State string // open or closed
	User               string
	Labels             []string
	Created, Updated   time.Time // Updated is zero where nothing happened since
	Comments           []Comment
}

// Comment on an issue. Updated is zero where it was never edited.
type Comment struct {
	User, Body       string
	Created, Updated time.Time
	App              string // that wrote it with the user's token
}

func (i *Issue) updated() time.Time {
	if i.Updated.IsZero() {
		return i.Created
	}
	return i.Updated
}

func (h *Hub) issue(number int) object {
	i := h.issues[number-1]
	labels := []any{}
	for _, name := range i.Labels {
		labels = append(labels, name)
	}
	created, updated := i.Created.UTC().Format(time.RFC3339), i.updated().UTC().Format(time.RFC3339)
	out := with(example("issue"), object{
		"number": number, "title": i.Title, "body": i.Body, "state": i.State, "user": h.user(i.User), "labels": labels,
		"created_at": created, "updated_at": updated, "comments": len(i.Comments),
	})
	delete(out, "pull_request") // GitHub's example is one
	return out
}

func (h *Hub) comment(c Comment, id int) object {
	base := example("issue-comment-items").([]any)[0]
	updated := c.Updated
	if updated.IsZero() {
		updated = c.Created
	}
	var app any
	if c.App != "" {
		app = with(example("check-run-paginated").(object)["check_runs"].([]any)[0].(object)["app"], object{"slug": c.App})
	}
	return with(base, object{
		"performed_via_github_app": app, "id": id, "body": c.Body, "user": h.user(c.User),
		"created_at": c.Created.UTC().Format(time.RFC3339), "updated_at": updated.UTC().Format(time.RFC3339),
	})
}

func (h *Hub) getIssues(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	state := q.Get("state")
	if state == "" {
		state = "open"
	}
	list := []any{}
	for n := len(h.issues); n > 0; n-- { // the newest first
		i := h.issues[n-1]
		if since, err := time.Parse(time.RFC3339, q.Get("since")); err == nil && i.updated().Before(since) {
			continue
		}
		wanted := strings.FieldsFunc(q.Get("labels"), func(c rune) bool { return c == ',' })
		if state != "all" && i.State != state || slices.ContainsFunc(wanted, func(l string) bool { return !slices.Contains(i.Labels, l) }) {
			continue
		}
		list = append(list, h.issue(n))
	}
	paged(w, r, list, "")
}

func (h *Hub) postIssue(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Title  string   `json:"title"`
		Body   string   `json:"body"`
		Labels []string `json:"labels"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	h.issues = append(h.issues, &Issue{Title: asked.Title, Body: asked.Body, Labels: asked.Labels, State: "open", User: "github-actions[bot]", Created: time.Now()})
	answer(w, http.StatusCreated, h.issue(len(h.issues)))
}

// issueOf is the number of an issue that is there, else 0.
func (h *Hub) issueOf(w http.ResponseWriter, r *http.Request) int {
	n, _ := strconv.Atoi(r.PathValue("issue_number"))
	if n < 1 || n > len(h.issues) {
		refuse(w, http.StatusNotFound, "Not Found")
		return 0
	}
	return n
}

func (h *Hub) getIssue(w http.ResponseWriter, r *http.Request) {
	if n := h.issueOf(w, r); n > 0 {
		answer(w, http.StatusOK, h.issue(n))
	}
}

func (h *Hub) patchIssue(w http.ResponseWriter, r *http.Request) {
	n := h.issueOf(w, r)
	if n == 0 {
		return
	}
	var asked struct{ Title, Body, State *string }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	for to, from := range map[*string]*string{&h.issues[n-1].Title: asked.Title, &h.issues[n-1].Body: asked.Body, &h.issues[n-1].State: asked.State} {
		if from != nil {
			*to = *from
		}
	}
	h.issues[n-1].Updated = time.Now()
	answer(w, http.StatusOK, h.issue(n))
}

func (h *Hub) getComments(w http.ResponseWriter, r *http.Request) {
	if n := h.issueOf(w, r); n > 0 {
		list := []any{}
		for i, c := range h.issues[n-1].Comments {
			list = append(list, h.comment(c, n*1000+i))
		}
		paged(w, r, list, "")
	}
}

func (h *Hub) postComment(w http.ResponseWriter, r *http.Request) {
	n := h.issueOf(w, r)
	if n == 0 {
		return
	}
	var asked struct{ Body string }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	i := h.issues[n-1]
	i.Updated = time.Now()
	i.Comments = append(i.Comments, Comment{User: "github-actions[bot]", Body: asked.Body, Created: time.Now()})
	answer(w, http.StatusCreated, h.comment(i.Comments[len(i.Comments)-1], n*1000+len(i.Comments)))
}

// Issues that there are, in the order of their numbers.
func (h *Hub) Issues() []Issue {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []Issue
	for _, i := range h.issues {
		copied := *i
		copied.Comments = slices.Clone(i.Comments)
		out = append(out, copied)
	}
	return out
}
