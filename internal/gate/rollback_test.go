package gate_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/github"
)

// goesBack is a rollback that tom alone may let through.
func goesBack(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.run.Path = ".github/workflows/rollback.yml"
	s.question.Gate.Rollback = &platform.GateRollback{
		Workflow:  ".github/workflows/rollback.yml",
		Approvals: []platform.Approval{{Name: "oncall", Environment: "production-oncall", Users: []string{"tom"}, Least: 1}},
	}
	s.question.Plan, s.question.Evidence, s.question.Findings = nil, nil, nil
	s.question.Back = &gate.Back{To: "#41"}
	return s
}

func (s *scene) back(t *testing.T) (*gate.Answer, error) {
	t.Helper()
	return gate.DecideRollback(t.Context(), s.question)
}

func TestRollbackApproved(t *testing.T) {
	t.Parallel()
	s := goesBack(t)
	s.run.Reviews = []github.Review{{User: "tom", State: "approved", Comment: "back, quickly", Environments: []string{"production-oncall"}}}
	a, err := s.back(t)
	if err != nil || len(a.Approvals) != 1 || a.Approvals[0].By != "tom" || a.Approvals[0].Run != "acme/platform/77/1" || len(a.Approvals[0].Digest) != 64 {
		t.Fatalf("%+v, %v", a, err)
	}
}

func TestRollbackRefused(t *testing.T) {
	t.Parallel()
	tom := github.Review{User: "tom", State: "approved", Environments: []string{"production-oncall"}}
	for name, tt := range map[string]struct {
		breaks  func(*scene)
		reviews []github.Review
		says    string
	}{
		"nobody approved":          {nil, nil, "0 of 1 approved it"},
		"by who may only release":  {nil, []github.Review{{User: "vera", State: "approved", Environments: []string{"production"}}}, "0 of 1 approved it"},
		"by another reviewer":      {nil, []github.Review{{User: "eve", State: "approved", Environments: []string{"production-oncall"}}}, "eve does not belong to oncall"},
		"by who started it":        {func(s *scene) { s.run.Actor = "tom" }, []github.Review{tom}, "tom started this run"},
		"rejected":                 {nil, []github.Review{tom, {User: "eve", State: "rejected", Comment: "no", Environments: []string{"production-oncall"}}}, "eve rejected it: no"},
		"an approval from before":  {func(s *scene) { s.run.Attempt, s.question.Attempt = 2, 2 }, []github.Review{tom}, "GitHub does not say which"},
		"the workflow of releases": {func(s *scene) { s.run.Path = ".github/workflows/production.yml" }, []github.Review{tom}, "only .github/workflows/rollback.yml rolls back"},
		"another branch":           {func(s *scene) { s.run.Branch = "mine" }, []github.Review{tom}, "it runs on mine"},
		"another commit":           {func(s *scene) { s.question.SHA = before }, []github.Review{tom}, "is checked out"},
		"a push":                   {func(s *scene) { s.run.Event = "push" }, []github.Review{tom}, "started by push"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := goesBack(t)
			if tt.breaks != nil {
				tt.breaks(s)
			}
			s.run.Reviews = tt.reviews
			a, err := s.back(t)
			if !errors.As(err, new(*gate.ClosedError)) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

// A rollback is approved by comments too: then they name what goes back where.
func TestRollbackByComments(t *testing.T) {
	t.Parallel()
	s := goesBack(t)
	s.question.Gate.Comments = true
	s.hub.Change(func(k *github.Known) { k.Bots["github-actions[bot]"] = true })
	digest, err := s.question.RollbackDigest()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.question.Ask(t.Context(), digest, "back"); err != nil {
		t.Fatal(err)
	}
	if title := s.hub.Issues()[0].Title; title != "Approve the rollback of production to #41 in run 77, attempt 1" {
		t.Error(title)
	}
	s.say("tom", "/approve")
	if _, err := s.back(t); err == nil || !strings.Contains(err.Error(), "did not name the digest") {
		t.Error(err)
	}
	s.say("tom", "/approve "+digest[:12])
	if _, err := s.back(t); err != nil {
		t.Error(err)
	}
	s.question.Back.To = "#40" // which nobody approved
	if _, err := s.back(t); err == nil {
		t.Error("another release")
	}
}
