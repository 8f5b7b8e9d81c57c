package publish

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
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
	for release, want := range map[string]string{"production #41": "success", "production #42": "inactive", "production #43": "failure", "production #9": ""} {
		if state, err := p.State(t.Context(), release); err != nil || state != want {
			t.Errorf("%s is %s, %v", release, state, err)
		}
	}
	s := hub.Deployments()[1].Statuses[1]
	if !strings.HasPrefix(s.Description, "released; approved by vera as bbbbbbbbbbbb; 11 services") || len([]rune(s.Description)) > 140 ||
		s.LogURL != r.By.Run || s.EnvironmentURL != "https://app.example.org" {
		t.Errorf("%+v", s)
	}
}

// A job of an environment has a deployment of GitHub's own, in the same environment:
// neither is taken for the other's, and the end of one is not that of the other.
func TestBesideTheRunsOwn(t *testing.T) {
	t.Parallel()
	for _, environment := range []string{"production", "staging"} {
		hub, p := place(t)
		p.Rules.Environment = environment
		hub.Change(func(k *github.Known) {
			k.Runs[77] = &github.Run{ID: 77, Attempt: 1, SHA: strings.Repeat("a", 40), Branch: "main", Actor: "alice", Waiting: []string{environment}}
			k.Environments[environment] = &github.Environment{Name: environment, Users: []string{"vera"}}
		})
		if err := hub.Review(77, github.Review{User: "vera", State: "approved", Environments: []string{environment}}); err != nil {
			t.Fatal(err)
		}
		r := released(42, ledger.Running)
		for _, state := range []ledger.State{ledger.Running, ledger.Released} {
			r.State = state
			if err := p.Deployments(t.Context(), []*ledger.Record{r}); err != nil {
				t.Fatal(err)
			}
		}
		hub.End(77, environment, "success")
		if err := p.Deployments(t.Context(), []*ledger.Record{r}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(shown(hub), "\n"); got != "production #42 of "+environment+": in_progress success" {
			t.Error(got)
		}
	}
}

// The signed record reaches those who promote it as it was signed, once.
func TestSignedRecord(t *testing.T) {
	t.Parallel()
	hub, p := place(t)
	r := released(41, ledger.Released)
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	file := filepath.Join(t.TempDir(), "record.json")
	if err := r.WriteSigned(file, key); err != nil {
		t.Fatal(err)
	}
	signed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Signed(t.Context(), "production #41"); err != nil || got != nil {
		t.Errorf("before: %s, %v", got, err)
	}
	for range 2 {
		if err := p.Sign(t.Context(), r, signed); err != nil {
			t.Fatal(err)
		}
	}
	made := hub.Deployments()
	if len(made) != 1 || made[0].Task != "slipway-record" || len(made[0].Statuses) != 1 || made[0].Statuses[0].State != "success" {
		t.Fatalf("%+v", made)
	}
	sum := sha256.Sum256(signed)
	if d := made[0].Statuses[0].Description; d != "signed record sha256:"+hex.EncodeToString(sum[:]) || len(d) > 140 {
		t.Errorf("the status says %q", d)
	}
	got, err := p.Signed(t.Context(), "production #41")
	if err != nil || !bytes.Equal(got, signed) {
		t.Fatalf("%s, %v", got, err)
	}
	back := filepath.Join(t.TempDir(), "record.json")
	if err := os.WriteFile(back, got, 0o600); err != nil {
		t.Fatal(err)
	}
	if read, err := ledger.ReadSigned(back, ledger.PublicKey(key)); err != nil || read.Number != 41 {
		t.Errorf("%+v, %v", read, err)
	}
	// A payload that is not that of its status is nobody's record.
	if err := hub.Forge(made[0].ID, `{"release":"production #41","record":"{}"}`); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Signed(t.Context(), "production #41"); err != nil || got != nil {
		t.Errorf("forged: %s, %v", got, err)
	}
	// Nor does GitHub take one of any length.
	r = released(43, ledger.Released)
	if err := p.Sign(t.Context(), r, bytes.Repeat([]byte("x"), 60<<10)); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Signed(t.Context(), "production #43"); err != nil || got != nil {
		t.Errorf("too long: %d bytes, %v", len(got), err)
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
