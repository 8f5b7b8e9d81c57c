package gate_test

import (
	"testing"

	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/plan"
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
	c.Gate.Notes, c.Gate.NotesDraft = "NEWS.md", true // of which there is none, so that drafts are asked for
	s.hub.Change(func(k *github.Known) {
		k.Releases = []github.Release{{Tag: "v2", Draft: true, Body: "- It is faster."}}
	})
	findings, err := gate.Preflight(t.Context(), *c)
	if failed := plan.Failed(findings); err != nil || len(failed) > 0 {
		t.Fatalf("%+v, %v", failed, err)
	}
	if _, err := gate.Decide(t.Context(), s.question); err != nil {
		t.Fatal(err)
	}
	requests, _ := s.hub.Requests()
	t.Logf("%d requests", len(requests))
	if len(requests) > 25 {
		t.Errorf("%d requests: %v", len(requests), requests)
	}
	if _, err := gate.Decide(t.Context(), s.question); err != nil {
		t.Fatal(err)
	}
	again, _ := s.hub.Requests()
	if unchanged := s.hub.Unchanged(); unchanged == 0 || unchanged < len(again)-len(requests)-1 { // who is in no team is a 404, which has no ETag
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
