package github

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"
)

// Release of the repository, with its notes. A draft is seen by who may push.
type Release struct {
	Tag, Name, Body string
	Target          string // branch or commit; "" is main
	Draft           bool
}

func (h *Hub) release(r Release, id int) object {
	var published any
	if !r.Draft {
		published = time.Now().UTC().Format(time.RFC3339)
	}
	return with(example("release"), object{"id": id, "tag_name": r.Tag, "name": r.Name, "body": r.Body, "target_commitish": cmp.Or(r.Target, "main"), "draft": r.Draft, "published_at": published})
}

func (h *Hub) getReleases(w http.ResponseWriter, r *http.Request) {
	list := []any{}
	for i := len(h.releases); i > 0; i-- { // the newest first
		list = append(list, h.release(h.releases[i-1], i))
	}
	paged(w, r, list, "")
}

func (h *Hub) postRelease(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Tag   string `json:"tag_name"`
		Name  string `json:"name"`
		Body  string `json:"body"`
		Draft bool   `json:"draft"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	if asked.Tag == "" {
		refuse(w, http.StatusUnprocessableEntity, "Validation Failed")
		return
	}
	h.releases = append(h.releases, Release{Tag: asked.Tag, Name: asked.Name, Body: asked.Body, Draft: asked.Draft})
	answer(w, http.StatusCreated, h.release(h.releases[len(h.releases)-1], len(h.releases)))
}
