package github

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// asker asks a stand-in and returns what it answered.
func asker(t *testing.T, h *Hub) func(method, path, body string) (int, map[string]any) {
	t.Helper()
	handler, err := h.Handler()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return func(method, path, body string) (int, map[string]any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer x")
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		var list []map[string]any
		var one map[string]any
		if json.Unmarshal(text, &list) == nil {
			one = map[string]any{"": list}
		} else {
			_ = json.Unmarshal(text, &one)
		}
		return answer.StatusCode, one
	}
}

// unanswered are the operations of the description that nobody here asks for.
var unanswered = []string{
	"actions/delete-workflow-run", "repos/delete-an-environment", "repos/create-deployment-protection-rule",
	"repos/delete-deployment", "repos/delete-branch-protection", "teams/add-or-update-membership-for-user-in-org",
	"teams/remove-membership-for-user-in-org", "repos/get-collaborator-permission-level", "repos/list-attestations",
}

// What the description has is answered, or said here not to be.
func TestEveryOperationIsAnswered(t *testing.T) {
	t.Parallel()
	doc, err := description()
	if err != nil {
		t.Fatal(err)
	}
	known := New("acme/platform").operations()
	described := 0
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			described++
			if answered := known[o.OperationID] != nil; answered == slices.Contains(unanswered, o.OperationID) {
				t.Errorf("%s %s (%s): answered is %t", method, path, o.OperationID, answered)
			}
		}
	}
	if described != len(known)+len(unanswered) {
		t.Errorf("%d described, %d answered, %d not", described, len(known), len(unanswered))
	}
}

// Errors and requests that fail are held against the description like all others.
func TestViolations(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault        Fault
		method, path string
		body         string
		violates     string // "" for nothing
	}{
		"fine":                       {Fault{}, "GET", "/repos/acme/platform/environments/none", "", ""},
		"an error as described":      {Fault{Path: "/issues", Status: 503}, "GET", "/repos/acme/platform/issues", "", ""},
		"no such endpoint":           {Fault{}, "GET", "/repos/acme/platform/secrets", "", "GitHub has no such endpoint"},
		"a bad request":              {Fault{}, "POST", "/repos/acme/platform/issues", "{}", "request body has an error"},
		"a bad request that fails":   {Fault{Path: "/issues", Status: 503}, "POST", "/repos/acme/platform/issues", "{}", "request body has an error"},
		"a bad request that is cut":  {Fault{Path: "/issues", Cut: true}, "POST", "/repos/acme/platform/issues", "{}", "request body has an error"},
		"an error that GitHub lacks": {Fault{Path: "/issues", Status: 418}, "GET", "/repos/acme/platform/issues", "", "status is not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := New("acme/platform")
			if tt.fault.Path != "" {
				h.Change(func(k *Known) { k.Faults = []Fault{tt.fault} })
			}
			asker(t, h)(tt.method, tt.path, tt.body)
			_, violations := h.Requests()
			if got := strings.Join(violations, "\n"); (tt.violates == "") != (got == "") || !strings.Contains(got, tt.violates) {
				t.Errorf("%q, want %q", got, tt.violates)
			}
		})
	}
}

// What a request changes is there when another asks.
func TestChanges(t *testing.T) {
	t.Parallel()
	h := New("acme/platform")
	created := time.Now().Add(-time.Hour)
	h.Change(func(k *Known) {
		k.Runs[7] = &Run{ID: 7, Attempt: 1, SHA: strings.Repeat("a", 40), Branch: "main", Actor: "alice", Jobs: []string{"plan", "release"}}
		k.Teams["acme/leadership"] = map[string]string{"vera": "active"}
		k.Alerts = []Alert{{Number: 1, State: "open", Severity: "high", Rule: "r", Path: "a.ts"}, {Number: 2, State: "open", Severity: "high", Rule: "r", Path: "a.ts", Branch: "mine"}}
		k.Issues = []*Issue{{Title: "old", State: "open", User: "ann", Created: created}}
	})
	ask := asker(t, h)
	const repo = "/repos/acme/platform"
	wants := func(status int, method, path, body string) map[string]any {
		t.Helper()
		got, answer := ask(method, repo+path, body)
		if got != status {
			t.Errorf("%s %s: %d %v", method, path, got, answer)
		}
		return answer
	}
	count := func(path, list string) int {
		t.Helper()
		switch l := wants(http.StatusOK, "GET", path, "")[list].(type) {
		case []any:
			return len(l)
		case []map[string]any:
			return len(l)
		}
		return -1
	}
	if n := count("/actions/runs/7/jobs", "jobs"); n != 2 {
		t.Errorf("%d jobs", n)
	}
	wants(http.StatusNoContent, "POST", "/actions/workflows/rollback.yml/dispatches", `{"ref": "main", "inputs": {"to": "41"}}`)
	if d := h.Started(); len(d) != 1 || d[0].Workflow != "rollback.yml" || d[0].Inputs["to"] != "41" {
		t.Errorf("%+v", d)
	}
	wants(http.StatusCreated, "POST", "/releases", `{"tag_name": "v1", "body": "what is new", "draft": true}`)
	if drafts := wants(http.StatusOK, "GET", "/releases", "")[""].([]map[string]any); len(drafts) != 1 || drafts[0]["draft"] != true || drafts[0]["published_at"] != nil {
		t.Errorf("%v", drafts)
	}
	environment := `{"prevent_self_review": true, "reviewers": [{"type": "Team", "id": ` + strconv.FormatInt(number("leadership"), 10) + `}], "deployment_branch_policy": {"protected_branches": false, "custom_branch_policies": true}}`
	wants(http.StatusOK, "PUT", "/environments/production", environment)
	wants(http.StatusOK, "POST", "/environments/production/deployment-branch-policies", `{"name": "main"}`)
	if n := count("/environments/production/deployment-branch-policies", "branch_policies"); n != 1 {
		t.Errorf("%d policies", n)
	}
	wants(http.StatusUnprocessableEntity, "PUT", "/environments/other", `{"reviewers": [{"type": "Team", "id": 1}]}`)
	if a, b, c := count("/code-scanning/alerts?ref=refs/heads/main", ""), count("/code-scanning/alerts?ref=refs/heads/mine", ""), count("/code-scanning/alerts", ""); a != 1 || b != 1 || c != 2 {
		t.Errorf("%d alerts of main, %d of mine, %d in all", a, b, c)
	}
	since := "/issues?state=all&since=" + created.Add(time.Minute).UTC().Format(time.RFC3339)
	if n := count(since, ""); n != 0 {
		t.Errorf("%d issues changed since", n)
	}
	wants(http.StatusCreated, "POST", "/issues/1/comments", `{"body": "still so"}`)
	if n := count(since, ""); n != 1 {
		t.Errorf("%d issues changed since, and one was commented on", n)
	}
	wants(http.StatusOK, "PUT", "/branches/main/protection", `{"required_status_checks": null, "enforce_admins": true, "required_pull_request_reviews": {"required_approving_review_count": 1}, "restrictions": null}`)
	wants(http.StatusOK, "GET", "/branches/main/protection", "")
	if _, violations := h.Requests(); len(violations) > 0 {
		t.Error(strings.Join(violations, "\n"))
	}
}
