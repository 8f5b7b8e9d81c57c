package environment

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/notify"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

// here is an environment without a cluster, with its GitHub, in a job of a workflow.
func here(t *testing.T, of platform.Environment) (*Environment, *github.Server) {
	t.Helper()
	hub := testenv.GitHub(t, github.New("acme/platform"))
	for name, value := range map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_REPOSITORY": "acme/platform",
		"GITHUB_API_URL": hub.URL, "GITHUB_TOKEN": "x", "GITHUB_SERVER_URL": "https://github.com",
	} {
		t.Setenv(name, value)
	}
	return &Environment{
		Platform: &platform.Platform{Environments: map[string]platform.Environment{"production": of}},
		Target:   platform.Target{Environment: "production", Values: map[string]string{"API_KEY": "only-production-has-this"}},
		Ledger:   &ledger.Ledger{Environment: "production"},
	}, hub
}

// breached is a release of which the watch found something.
func breached() *ledger.Record {
	return &ledger.Record{Number: 42, Environment: "production", State: ledger.Released, Watch: &ledger.Watch{Findings: []ledger.Finding{{Number: 1, Kind: "errors", Subject: "web", Breach: true, Count: 1}}}}
}

func TestWatched(t *testing.T) {
	e, hub := here(t, platform.Environment{GitHub: &platform.GitHub{Environment: "production", Issues: true}})
	var said bytes.Buffer
	e.Watched(t.Context(), &said, breached())
	if issues := hub.Issues(); len(issues) != 1 || issues[0].Title != "production #42 is not as it must be" || said.Len() > 0 {
		t.Errorf("%+v, said %q", issues, said.String())
	}
	hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/issues", Status: 403}} })
	e.Watched(t.Context(), &said, breached())
	if !strings.HasPrefix(said.String(), "! there is no issue of it: ") || !strings.Contains(said.String(), "GitHub answered 403") {
		t.Errorf("said %q", said.String())
	}
	hub.Change(func(k *github.Known) { k.Issues, k.Faults = nil, nil })
	e.Platform.Environments["production"].GitHub.Issues = false
	if e.Watched(t.Context(), io.Discard, breached()); len(hub.Issues()) > 0 {
		t.Error("an issue that nobody wants")
	}
}

// The signed record is a deployment where deployments are wanted, and a warning
// where GitHub does not take it.
func TestSigned(t *testing.T) {
	rules := &platform.GitHub{Environment: "staging", Deployments: true}
	e, hub := here(t, platform.Environment{GitHub: rules})
	r := &ledger.Record{Number: 41, Environment: "staging", State: ledger.Released, Source: strings.Repeat("a", 40)}
	var said bytes.Buffer
	e.Signed(t.Context(), &said, r, []byte("signed"))
	if made := hub.Deployments(); len(made) != 1 || made[0].Description != "the signed record of staging #41" || said.Len() > 0 {
		t.Errorf("%+v, said %q", made, said.String())
	}
	hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/deployments", Status: 403}} })
	if e.Signed(t.Context(), &said, r, []byte("signed anew")); !strings.HasPrefix(said.String(), "! the signed record is no deployment: ") {
		t.Errorf("said %q", said.String())
	}
	rules.Deployments = false
	if e.Signed(t.Context(), io.Discard, r, []byte("signed anew")); len(hub.Deployments()) != 1 {
		t.Error("a deployment that nobody wants")
	}
}

func TestFeedback(t *testing.T) {
	rules := &platform.GitHub{Feedback: "feedback"}
	e, hub := here(t, platform.Environment{GitHub: rules})
	since := time.Now().Add(-time.Hour)
	hub.Change(func(k *github.Known) {
		k.Issues = []*github.Issue{{Title: "it is slow", State: "open", User: "ann", Labels: []string{"feedback"}, Created: since.Add(time.Minute)}}
	})
	ask := e.Feedback()
	if sights, err := ask(t.Context(), since); err != nil || len(sights) != 1 || sights[0].Text != "ann: it is slow" {
		t.Errorf("%+v, %v", sights, err)
	}
	// The watch goes on with its own eyes while GitHub is away.
	hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/issues", Status: 404}} })
	if sights, err := ask(t.Context(), since); err != nil || len(sights) > 0 {
		t.Errorf("%+v, %v", sights, err)
	}
	if rules.Feedback = ""; e.Feedback() != nil {
		t.Error("asks where nobody is asked to report")
	}
	rules.Feedback = "feedback"
	if t.Setenv("GITHUB_ACTIONS", ""); e.Feedback() != nil {
		t.Error("asks at a terminal")
	}
}

// Nothing came of it, and whoever waits for the end is told why, without what only
// production has.
func TestRefused(t *testing.T) {
	told := make(chan string, 2)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- string(body)
	}))
	t.Cleanup(s.Close)
	t.Setenv("HOOK", s.URL)
	e, _ := here(t, platform.Environment{Notify: []platform.Notification{{Name: "ops", Kind: platform.Slack, URL: "HOOK", On: []string{platform.Failed}}}})
	e.Refused(t.Context(), io.Discard, "alice", errors.New("the plan is not what was approved: key only-production-has-this"))
	const want = `{"text":"production failed: nothing was released: the plan is not what was approved: key *** (by alice) https://github.com/acme/platform/actions/runs/77`
	if got := <-told; !strings.HasPrefix(got, want) {
		t.Errorf("told %s", got)
	}
	e.number = 42
	e.Refused(t.Context(), io.Discard, "alice", errors.New("the cluster is gone"))
	if got := <-told; !strings.HasPrefix(got, `{"text":"production #42 failed: it ended in the middle: the cluster is gone`) {
		t.Errorf("told %s", got)
	}
}

// The start is told while the release goes on, before its end.
func TestStartIsToldFirst(t *testing.T) {
	told := make(chan string, 2)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- string(body)
	}))
	t.Cleanup(s.Close)
	t.Setenv("HOOK", s.URL)
	t.Setenv("AWAY", "http://127.0.0.1:1/secret")
	e, _ := here(t, platform.Environment{Notify: []platform.Notification{
		{Name: "ops", Kind: platform.Slack, URL: "HOOK", On: platform.Events},
		{Name: "away", Kind: platform.Slack, URL: "AWAY", On: []string{platform.Started}},
	}})
	e.Begins(t.Context(), notify.Message{Verdict: "11 services", By: "alice"})(42)
	var said bytes.Buffer
	e.Tell(t.Context(), &said, &release.Outcome{Number: 42, State: ledger.Running, Verdict: "cancelled"}, nil)
	if got := <-told; !strings.HasPrefix(got, `{"text":"production #42 started: 11 services (by alice)`) {
		t.Errorf("told %s", got)
	}
	if !strings.Contains(said.String(), "! notify away: ") || strings.Contains(said.String(), "secret") {
		t.Errorf("said %q", said.String())
	}
}

// How a release ended, as people are told: a rollback is a release of its own.
func TestEventOf(t *testing.T) {
	to := 41
	for event, outcome := range map[string]release.Outcome{
		platform.Released:   {State: ledger.Released, Record: &ledger.Record{}},
		platform.RolledBack: {State: ledger.Released, Record: &ledger.Record{RollbackTo: &to}},
		platform.Failed:     {State: ledger.Failed, Record: &ledger.Record{RollbackTo: &to}},
	} {
		if got := eventOf(&outcome); got != event {
			t.Errorf("%s, want %s", got, event)
		}
	}
	if got := eventOf(&release.Outcome{State: ledger.Stuck}); got != platform.Failed {
		t.Errorf("stuck is %s", got)
	}
}
