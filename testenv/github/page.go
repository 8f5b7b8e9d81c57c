package github

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"strconv"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// shown is a run as the page shows it.
type shown struct {
	Run
	Text template.HTML // of the summary
	May  []string      // who may review
}

// page is where a person approves or rejects, as on GitHub's page of a run.
func (h *Hub) page() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
		_ = pageTemplate.Execute(w, struct {
			Repository string
			Runs       []shown
		}{h.Repository, h.shown()})
	})
	mux.HandleFunc("POST /review", func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.ParseInt(r.FormValue("run"), 10, 64)
		err := h.Review(id, Review{
			User: r.FormValue("user"), State: r.FormValue("state"), Comment: r.FormValue("comment"), Environments: r.Form["environment"],
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	return mux
}

func (h *Hub) shown() []shown {
	h.mu.Lock()
	defer h.mu.Unlock()
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM)) // raw HTML in it is left out
	var out []shown
	for _, run := range h.runs {
		s := shown{Run: *run}
		var text bytes.Buffer
		if err := markdown.Convert([]byte(run.Summary), &text); err == nil {
			s.Text = template.HTML(text.String()) //nolint:gosec // goldmark leaves raw HTML and other schemes out
		}
		for _, name := range run.Waiting {
			if e := h.environments[name]; e != nil {
				s.May = append(s.May, e.Users...)
				for _, team := range e.Teams {
					for user, state := range h.teams[h.owner()+"/"+team] {
						if state == "active" {
							s.May = append(s.May, user)
						}
					}
				}
			}
		}
		slices.Sort(s.May)
		s.May = slices.Compact(s.May)
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b shown) int { return int(b.ID - a.ID) })
	return out
}
