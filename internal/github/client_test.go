package github_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	ours "github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

// hub is a stand-in with a run, and a client of it.
func hub(t *testing.T) (*github.Server, *ours.Client) {
	t.Helper()
	h := github.New("acme/platform")
	h.Change(func(k *github.Known) {
		k.Runs[7] = &github.Run{
			ID: 7, Attempt: 2, SHA: strings.Repeat("a", 40), Branch: "main", Path: ".github/workflows/production.yml", Event: "workflow_dispatch",
			Actor: "alice", TriggeringActors: []string{"alice", "mallory"},
		}
		k.Environments["production"] = &github.Environment{Name: "production", Users: []string{"vera"}, Teams: []string{"leadership"}, Policy: github.CustomBranches, Branches: []string{"main"}}
		k.Teams["acme/leadership"] = map[string]string{"vera": "active", "paul": "pending"}
		k.Protected["main"] = true
	})
	s := testenv.GitHub(t, h)
	c, err := ours.New(ours.Options{URL: s.URL, Token: "x", Repository: "acme/platform", Wait: 3 * time.Second, Timeout: 6 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func TestReads(t *testing.T) {
	t.Parallel()
	s, c := hub(t)
	ctx := t.Context()
	run, err := c.Run(ctx, 7)
	if err != nil || run.Attempt != 2 || run.Triggering.Login != "mallory" || run.Actor.Type != "User" || run.Path != ".github/workflows/production.yml" {
		t.Errorf("%+v, %v", run, err)
	}
	if first, err := c.Attempt(ctx, 7, 1); err != nil || first.Triggering.Login != "alice" {
		t.Errorf("%+v, %v", first, err)
	}
	if err := s.Review(7, github.Review{User: "vera", State: "approved", Comment: "ship it", Environments: []string{"production"}}); err != nil {
		t.Fatal(err)
	}
	e, err := c.Environment(ctx, "production")
	if err != nil || e.Policy == nil || !e.Policy.Custom || e.AdminsBypass != nil || len(e.Rules) != 1 || len(e.Rules[0].Reviewers) != 2 {
		t.Errorf("%+v, %v", e, err)
	}
	reviews, err := c.Reviews(ctx, 7)
	if err != nil || len(reviews) != 1 || reviews[0].User.Login != "vera" || reviews[0].Environments[0].ID != e.ID {
		t.Errorf("%+v, %v", reviews, err)
	}
	if names, err := c.BranchPolicies(ctx, "production"); err != nil || !slices.Equal(names, []string{"main"}) {
		t.Errorf("%v, %v", names, err)
	}
	for branch, want := range map[string]bool{"main": true, "feature": false} {
		if got, err := c.Protected(ctx, branch); err != nil || got != want {
			t.Errorf("%s: %t, %v", branch, got, err)
		}
	}
	for user, want := range map[string]bool{"vera": true, "paul": false, "mallory": false} {
		if got, err := c.Member(ctx, "leadership", user); err != nil || got != want {
			t.Errorf("%s: %t, %v", user, got, err)
		}
	}
}

func TestListsAreReadToTheirEnd(t *testing.T) {
	t.Parallel()
	s, c := hub(t)
	sha := strings.Repeat("b", 40)
	s.Change(func(k *github.Known) {
		for i := range 250 {
			k.Checks = append(k.Checks, github.Check{SHA: sha, Name: "check" + strings.Repeat("x", i), App: "github-actions", Conclusion: "success", Completed: time.Now()})
			k.Alerts = append(k.Alerts, github.Alert{Number: i + 1, State: "open", Severity: "low", Rule: "r", Path: "a.ts"})
		}
		k.Alerts = append(k.Alerts, github.Alert{Number: 999, State: "fixed", Severity: "critical", Rule: "r", Path: "a.ts"})
	})
	if checks, err := c.Checks(t.Context(), sha); err != nil || len(checks) != 250 {
		t.Errorf("%d checks, %v", len(checks), err)
	}
	if alerts, err := c.Alerts(t.Context(), "refs/heads/main"); err != nil || len(alerts) != 250 {
		t.Errorf("%d alerts, %v", len(alerts), err)
	}
}

// A list whose later page is missing, or that does not end, is no list.
func TestListsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s, c := hub(t)
	sha := strings.Repeat("b", 40)
	s.Change(func(k *github.Known) {
		for range 250 {
			k.Checks = append(k.Checks, github.Check{SHA: sha, Name: "check", App: "github-actions", Conclusion: "success", Completed: time.Now()})
		}
		k.Faults = []github.Fault{{Path: "/check-runs", Page: "3", Status: 403}}
	})
	if checks, err := c.Checks(t.Context(), sha); err == nil || !strings.Contains(err.Error(), "GitHub answered 403") || len(checks) > 0 {
		t.Errorf("%d checks, %v", len(checks), err)
	}
	asked := 0
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Link", `<http://`+r.Host+r.URL.Path+`?page=2>; rel="next"`)
		_, _ = io.WriteString(w, `{"total_count": 1, "check_runs": [{"id": 1}]}`)
	}))
	defer endless.Close()
	c, err := ours.New(ours.Options{URL: endless.URL, Token: "x", Repository: "acme/platform"})
	if err != nil {
		t.Fatal(err)
	}
	if checks, err := c.Checks(t.Context(), sha); err == nil || !strings.Contains(err.Error(), "there are more than 50 pages") || asked > 50 {
		t.Errorf("%d checks after %d requests, %v", len(checks), asked, err)
	}
}

// Whatever GitHub says other than what was asked for is an error with a hint;
// what passes by itself is waited for.
func TestTrouble(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault github.Fault
		says  string // "" for nothing
	}{
		"forbidden":          {github.Fault{Status: 403}, "GitHub answered 403"},
		"not found":          {github.Fault{Status: 404}, "GitHub answered 404"},
		"token expired":      {github.Fault{Status: 401}, "GitHub answered 401"},
		"down":               {github.Fault{Status: 502}, "GitHub answered 502"},
		"down for a moment":  {github.Fault{Status: 502, Times: 2}, ""},
		"slow down":          {github.Fault{Status: 429, RetryAfter: 1, Times: 1}, ""},
		"secondary limit":    {github.Fault{Status: 403, RetryAfter: 1, Times: 1}, ""},
		"limit for an hour":  {github.Fault{Status: 429, RetryAfter: 3600}, "429"},
		"no JSON":            {github.Fault{Body: `{"id": `}, "unexpected EOF"},
		"JSON of others":     {github.Fault{Body: `[1, 2]`}, "cannot unmarshal"},
		"cut in the middle":  {github.Fault{Cut: true}, "EOF"},
		"hangs":              {github.Fault{Delay: time.Minute}, "GitHub did not answer in time"},
		"slow, but it comes": {github.Fault{Delay: 200 * time.Millisecond, Times: 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := hub(t)
			s.Change(func(k *github.Known) { tt.fault.Path = "/runs/"; k.Faults = []github.Fault{tt.fault} })
			run, err := c.Run(t.Context(), 7)
			if tt.says == "" {
				if err != nil || run.ID != 7 {
					t.Errorf("%+v, %v", run, err)
				}
				return
			}
			var known *ours.Error
			if !errors.As(err, &known) || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "read run 7: ") || known.Hint() == "" {
				t.Errorf("%v", err)
			}
			// What does not pass by itself is tried four times at most, and a limit that
			// lasts longer than we wait not once more.
			if requests, _ := s.Requests(); len(requests) > 4 || tt.fault.RetryAfter > 60 && len(requests) > 1 {
				t.Errorf("%d requests", len(requests))
			}
		})
	}
}

// Of what protects a branch only that counts which keeps out what nobody has read.
func TestProtected(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rules   []github.Rule
		classic int // reviews that the older protection wants, -1 for no protection
		want    bool
	}{
		"nothing":              {nil, -1, false},
		"messages":             {[]github.Rule{{Type: "commit_message_pattern"}}, -1, false},
		"history and checks":   {[]github.Rule{{Type: "non_fast_forward"}, {Type: "deletion"}, {Type: "required_signatures"}, {Type: "required_status_checks"}}, -1, false},
		"nobody reviews":       {[]github.Rule{{Type: "pull_request"}}, -1, false},
		"reviewed":             {[]github.Rule{{Type: "deletion"}, {Type: "pull_request", Reviews: 1}}, -1, true},
		"the older way":        {nil, 2, true},
		"older, and no review": {[]github.Rule{{Type: "deletion"}}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := hub(t)
			s.Change(func(k *github.Known) {
				k.Rules["release"] = tt.rules
				if tt.classic >= 0 {
					k.Classic["release"] = tt.classic
				}
			})
			if got, err := c.Protected(t.Context(), "release"); err != nil || got != tt.want {
				t.Errorf("%t, %v", got, err)
			}
		})
	}
	s, c := hub(t)
	for _, path := range []string{"/rules/branches/", "/protection"} {
		s.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: path, Status: 403}} })
		if got, err := c.Protected(t.Context(), "release"); err == nil || got {
			t.Errorf("%s is refused, and it is %t", path, got)
		}
	}
}

// Names cannot lead to another resource.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	s, c := hub(t)
	for _, name := range []string{"../../../../user", "production#1", "production?x=1", "..", ".", "", "a/b"} {
		if e, err := c.Environment(t.Context(), name); err == nil {
			t.Errorf("%q is %+v", name, e)
		}
	}
	requests, _ := s.Requests()
	for _, r := range requests {
		if !strings.HasPrefix(r, "GET /repos/acme/platform/environments/") {
			t.Errorf("asked %s", r)
		}
	}
	for _, o := range []ours.Options{{Repository: "acme", Token: "x"}, {Repository: "acme/../x", Token: "x"}, {Repository: "acme/..", Token: "x"}, {Repository: "acme/platform"}, {Repository: "acme/platform", Token: "x", URL: "nowhere"}} {
		if _, err := ours.New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// A repository that was renamed is followed on the same server; no other server
// gets a token, or is believed.
func TestFollowsNobodyElse(t *testing.T) {
	t.Parallel()
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("somebody else was asked %s %s, with %q", r.Method, r.URL, r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, `{"id": 7}`)
	}))
	defer stranger.Close()
	for _, status := range []int{301, 302, 307, 308} {
		to := stranger.URL + "/"
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/repositories/7/") {
				_, _ = io.WriteString(w, `{"id": 7}`)
				return
			}
			http.Redirect(w, r, to, status)
		}))
		c, err := ours.New(ours.Options{URL: s.URL, Token: "x", Repository: "acme/platform", Wait: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if run, err := c.Run(t.Context(), 7); err == nil {
			t.Errorf("%d: %+v is believed", status, run)
		}
		if err := c.Decide(t.Context(), 7, ours.Decision{Environment: "production", State: "approved"}); err == nil {
			t.Errorf("%d: it was told, and nobody says to whom", status)
		}
		to = "/repositories/7/actions/runs/7"
		if run, err := c.Run(t.Context(), 7); err != nil || run.ID != 7 {
			t.Errorf("%d, renamed: %+v, %v", status, run, err)
		}
		s.Close()
	}
}

// A limit that is used up says when it begins anew: that is waited for, and not
// an hour.
func TestLimit(t *testing.T) {
	t.Parallel()
	for seconds, ok := range map[int64]bool{1: true, 3600: false} {
		asked := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if asked++; asked == 1 {
				w.Header().Set("X-RateLimit-Limit", "5000")
				w.Header().Set("X-RateLimit-Remaining", "0")
				w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Unix()+seconds, 10))
				w.WriteHeader(http.StatusForbidden)
				return
			}
			_, _ = io.WriteString(w, `{"id": 7}`)
		}))
		c, err := ours.New(ours.Options{URL: s.URL, Token: "x", Repository: "acme/platform", Wait: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		run, err := c.Run(t.Context(), 7)
		if ok && (err != nil || run.ID != 7) || !ok && (err == nil || asked > 1 || !strings.Contains(err.Error(), "is used up until")) {
			t.Errorf("%d s: %+v, %v after %d requests", seconds, run, err, asked)
		}
		s.Close()
	}
}

// What GitHub answered before is asked again by its ETag; what changed is seen.
func TestRemembers(t *testing.T) {
	t.Parallel()
	s, c := hub(t)
	for range 2 {
		if e, err := c.Environment(t.Context(), "production"); err != nil || len(e.Rules) != 1 {
			t.Fatalf("%+v, %v", e, err)
		}
	}
	if s.Unchanged() != 1 {
		t.Errorf("%d answers of 304", s.Unchanged())
	}
	s.Change(func(k *github.Known) {
		k.Environments["production"].Users, k.Environments["production"].Teams = nil, nil
	})
	if e, err := c.Environment(t.Context(), "production"); err != nil || len(e.Rules) != 0 || s.Unchanged() != 1 {
		t.Errorf("%+v, %v", e, err)
	}
}
