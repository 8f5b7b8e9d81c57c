package gate_test

import (
	"testing"

	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/publish"
	"github.com/teei/slipway/testenv/github"
)

// asked prepares a release that both a preflight and a gate let through.
func asked(t testing.TB) (*gate.Checklist, *scene) {
	t.Helper()
	c, s := checklist(t)
	var err error
	if c.Evidence.Plan, err = c.Plan.Digest(); err != nil {
		t.Fatal(err)
	}
	if s.digest, err = plan.Approval(c.Plan, c.Evidence); err != nil {
		t.Fatal(err)
	}
	s.comment = s.digest[:12]
	s.approve()
	return c, s
}

// Preflight and gate, with all that they can ask, take 25 requests at most; a gate
// that decides again asks only what may have changed, which GitHub does not count.
func TestRequests(t *testing.T) {
	t.Parallel()
	c, s := asked(t)
	s.question.Gate.ExceptAuthor = true
	s.knowsAuthor()
	// As the sample has it, and more: three groups of two teams each, of which people are in the last.
	s.question.Gate.Approvals = []platform.Approval{
		{Name: "leadership", Environment: "production", Teams: []string{"board", "leadership"}, Least: 1},
		{Name: "incident response", Environment: "production-oncall", Teams: []string{"board", "on-call"}, Least: 1},
		{Name: "override", Environment: "production-override", Teams: []string{"board", "leadership"}, Least: 1, Waives: "window"},
	}
	s.hub.Change(func(k *github.Known) { k.Teams["acme/on-call"] = map[string]string{"tom": "active"} })
	staging := publish.Place{GitHub: s.question.GitHub, Rules: &platform.GitHub{Environment: "staging"}}
	if err := staging.Deployments(t.Context(), []*ledger.Record{{Number: 41, Environment: "staging", State: ledger.Released, Source: commit}}); err != nil {
		t.Fatal(err)
	}
	c.Stands = staging.State
	before, _ := s.hub.Requests()
	c.Gate.Notes, c.Gate.NotesDraft = "NEWS.md", true // of which there is none, so that drafts are asked for
	s.hub.Change(func(k *github.Known) {
		k.Releases = []github.Release{{Tag: "v2", Draft: true, Body: "- It is faster."}}
	})
	if _, err := s.question.GitHub.Run(t.Context(), 77); err != nil { // for who started it
		t.Fatal(err)
	}
	findings, err := gate.Preflight(t.Context(), *c)
	if failed := plan.Failed(findings); err != nil || len(failed) > 0 {
		t.Fatalf("%+v, %v", failed, err)
	}
	if _, err := gate.Decide(t.Context(), s.question); err != nil {
		t.Fatal(err)
	}
	requests, _ := s.hub.Requests()
	requests = requests[len(before):]
	t.Logf("%d requests", len(requests))
	if len(requests) > 25 {
		t.Errorf("%d requests: %v", len(requests), requests)
	}
	if _, err := gate.Decide(t.Context(), s.question); err != nil {
		t.Fatal(err)
	}
	again, _ := s.hub.Requests()
	again = again[len(before):]
	if unchanged := s.hub.Unchanged(); unchanged == 0 || unchanged < len(again)-len(requests)-3 { // who is in no team is a 404, which has no ETag
		t.Errorf("%d of %d requests were answered with 304: %v", unchanged, len(again)-len(requests), again[len(requests):])
	}
}

// What changed meanwhile is seen: nothing is believed without asking.
func TestDecidesAnew(t *testing.T) {
	t.Parallel()
	_, s := asked(t)
	if _, err := gate.Decide(t.Context(), s.question); err != nil {
		t.Fatal(err)
	}
	s.opens("production")
	if _, err := gate.Decide(t.Context(), s.question); err == nil {
		t.Error("an environment that was opened meanwhile is let through")
	}
}
