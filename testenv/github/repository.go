package github

import (
	"cmp"
	"net/http"
)

func (h *Hub) getRepository(w http.ResponseWriter, _ *http.Request) {
	base := example("full-repository-default-response").(object)
	visibility := cmp.Or(h.visibility, "public")
	out := with(base, object{
		"full_name": h.Repository, "visibility": visibility, "private": visibility != "public", "default_branch": "main", "language": "TypeScript",
		"owner": with(base["owner"], object{"login": h.owner(), "type": "Organization"}),
	})
	for _, other := range []string{"source", "parent", "template_repository"} {
		delete(out, other) // GitHub's example is a fork of one that does not fit the schema
	}
	answer(w, http.StatusOK, out)
}

// getOrganization shows the plan to its members alone.
func (h *Hub) getOrganization(w http.ResponseWriter, _ *http.Request) {
	out := with(example("organization-full"), object{"login": h.owner(), "archived_at": nil})
	delete(out, "plan")
	if h.plan != "" {
		out["plan"] = object{"name": h.plan, "space": 0, "private_repos": 0}
	}
	answer(w, http.StatusOK, out)
}
