package publish

import (
	"strings"
	"testing"
	"time"

	ours "github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

func place(t *testing.T) (*github.Server, Place) {
	t.Helper()
	hub := testenv.GitHub(t, github.New("acme/platform"))
	c, err := ours.New(ours.Options{URL: hub.URL, Token: "x", Repository: "acme/platform", Wait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return hub, Place{GitHub: c, Rules: &platform.GitHub{Environment: "production & more", URL: "https://app.example.org", Feedback: "feedback: yes"}}
}

func released(number int, state ledger.State) *ledger.Record {
	return &ledger.Record{
		Number: number, Environment: "production", State: state, Source: strings.Repeat("a", 40), Approval: strings.Repeat("b", 64),
		By:        ledger.Holder{Person: "alice", Run: "https://github.com/acme/platform/actions/runs/77"},
		Approvals: []ledger.Approval{{Group: "leadership", By: "vera"}}, Verdict: "",
	}
}

// shown is each deployment with all of its states.
func shown(hub *github.Server) (out []string) {
	for _, d := range hub.Deployments() {
		line := d.Description + " of " + d.Environment + ":"
		for _, s := range d.Statuses {
			line += " " + s.State
		}
		out = append(out, line)
	}
	return out
}

func TestDeployments(t *testing.T) {
	t.Parallel()
	hub, p := place(t)
	var book []*ledger.Record // the newest first, as the ledger has them
	show := func(records ...*ledger.Record) {
		t.Helper()
		book = append(records, book...)
		for range 2 { // the second time there is nothing new
			if err := p.Deployments(t.Context(), book); err != nil {
				t.Fatal(err)
			}
		}
	}
	show() // nothing at all
	first := released(41, ledger.Released)
	show(first)
	r := released(42, ledger.Running)
	show(r)
	r.State, r.Verdict = ledger.Released, "11 services run what was released, "+strings.Repeat("and more ", 50)
	show()
	show(released(43, ledger.Failed))
	r.State = ledger.RolledBack
	to := 41
	show(&ledger.Record{Number: 44, Environment: "production", State: ledger.Released, RollbackTo: &to})
	want := "production #41 of production & more: success inactive success\n" +
		"production #42 of production & more: in_progress success inactive\nproduction #43 of production & more: failure"
	if got := strings.Join(shown(hub), "\n"); got != want {
		t.Errorf("shown:\n%s\nand not\n%s", got, want)
	}
	s := hub.Deployments()[1].Statuses[1]
	if !strings.HasPrefix(s.Description, "released; approved by vera as bbbbbbbbbbbb; 11 services") || len([]rune(s.Description)) > 140 ||
		s.LogURL != r.By.Run || s.EnvironmentURL != "https://app.example.org" {
		t.Errorf("%+v", s)
	}
}

// What GitHub missed while it was away is sent by whoever comes next: in the end
// state, also of a release that another one has followed.
func TestSentLater(t *testing.T) {
	t.Parallel()
	hub, p := place(t)
	r := released(42, ledger.Running)
	if err := p.Deployments(t.Context(), []*ledger.Record{r}); err != nil {
		t.Fatal(err)
	}
	hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/deployments", Status: 502}} })
	r.State = ledger.Failed
	if err := p.Deployments(t.Context(), []*ledger.Record{r}); err == nil {
		t.Error("no error")
	}
	hub.Change(func(k *github.Known) { k.Faults = nil })
	if err := p.Deployments(t.Context(), []*ledger.Record{released(43, ledger.Released), r}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(shown(hub), "\n"); got != "production #42 of production & more: in_progress failure\nproduction #43 of production & more: success" {
		t.Error(got)
	}
}

func TestBreach(t *testing.T) {
	t.Parallel()
	hub, p := place(t)
	r := released(42, ledger.Released)
	r.Watch = &ledger.Watch{}
	find := func(subject string) {
		r.Watch.Findings = append(r.Watch.Findings, ledger.Finding{Number: len(r.Watch.Findings) + 1, Kind: "errors", Subject: subject, Text: "5 % <b>@everybody</b>", Breach: true, Count: 1})
	}
	check := func(count int, state, has string) {
		t.Helper()
		for range 2 { // the second time nothing changes
			if err := p.Breach(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		issues := hub.Issues()
		if len(issues) != count {
			t.Fatalf("%d issues", len(issues))
		}
		if count > 0 && (issues[0].State != state || !strings.Contains(issues[0].Body, has) || strings.Contains(issues[0].Body, "<b>") || strings.Contains(issues[0].Body, "@everybody")) {
			t.Errorf("%+v", issues[0])
		}
	}
	check(0, "", "")
	find("web")
	check(1, "open", "web")
	r.Watch.Findings[0].Count = 7
	check(1, "open", "| 7 |")
	hub.Change(func(k *github.Known) { k.Issues[0].State = "closed" }) // a person
	check(1, "closed", "| 7 |")
	find("api")
	check(1, "open", "api")
	for i := range r.Watch.Findings {
		r.Watch.Findings[i].Acknowledged = "vera: known"
	}
	check(1, "closed", "acknowledged by vera")
	requests, _ := hub.Requests()
	writes := 0
	for _, request := range requests {
		if !strings.HasPrefix(request, "GET ") {
			writes++
		}
	}
	if writes != 4 {
		t.Errorf("%d writes: %v", writes, requests)
	}
}

func TestFeedback(t *testing.T) {
	t.Parallel()
	hub, p := place(t)
	since := time.Now().Add(-time.Hour)
	hub.Change(func(k *github.Known) {
		k.Issues = []*github.Issue{
			{Title: "before", State: "open", User: "ann", Labels: []string{"feedback: yes"}, Created: since.Add(-time.Minute)},
			{Title: "it is slow", State: "open", User: "ann", Labels: []string{"feedback: yes"}, Created: since.Add(time.Minute)},
			{Title: "mended", State: "closed", User: "ann", Labels: []string{"feedback: yes"}, Created: since.Add(time.Minute)},
			{Title: "something else", State: "open", User: "ann", Created: since.Add(time.Minute)},
		}
	})
	sights, err := p.Feedback(t.Context(), since)
	if err != nil || len(sights) != 1 || sights[0].Subject != "#2" || sights[0].Text != "ann: it is slow" || sights[0].Kind != "feedback" {
		t.Errorf("%+v, %v", sights, err)
	}
}
