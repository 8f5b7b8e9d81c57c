package github

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// The page shows what waits, runs nothing of what it shows, and takes reviews of
// reviewers alone.
func TestPage(t *testing.T) {
	t.Parallel()
	h := New("acme/platform")
	h.Change(func(k *Known) {
		k.Runs[7] = &Run{ID: 7, Attempt: 1, Actor: "alice", Branch: "<b>main", Waiting: []string{"production"},
			Summary: "## Plan\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<script>alert(1)</script> [x](javascript:alert(1))"}
		k.Environments["production"] = &Environment{Name: "production", Teams: []string{"leadership"}, PreventSelfReview: true}
		k.Teams["acme/leadership"] = map[string]string{"vera": "active", "alice": "active"}
	})
	handler, err := h.Handler()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(handler)
	defer s.Close()
	page := func() string {
		answer, err := http.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return string(text)
	}
	text := page()
	for _, want := range []string{"<h2>Plan</h2>", "<td>1</td>", "<option>vera</option>", "&lt;b&gt;main"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for _, unwanted := range []string{"<script", "javascript:"} {
		if strings.Contains(text, unwanted) {
			t.Errorf("%s in\n%s", unwanted, text)
		}
	}
	for user, want := range map[string]int{"mallory": http.StatusUnprocessableEntity, "alice": http.StatusUnprocessableEntity, "vera": http.StatusOK} {
		answer, err := http.PostForm(s.URL+"/review", url.Values{"run": {"7"}, "user": {user}, "state": {"approved"}, "comment": {"0123"}, "environment": {"production"}})
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %s", user, answer.Status)
		}
	}
	if text := page(); !strings.Contains(text, "approved by <b>vera</b>") || !strings.Contains(text, "Nothing waits") || strings.Contains(text, "mallory") {
		t.Errorf("after the review:\n%s", text)
	}
}
