package gate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/testenv/github"
)

// commented is a release that people approve by comments.
func commented(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.question.Gate.Comments = true
	s.hub.Change(func(k *github.Known) {
		clear(k.Environments) // this GitHub has none
		k.Bots["github-actions[bot]"] = true
	})
	if _, err := s.question.Ask(t.Context(), s.digest, "| findings |"); err != nil {
		t.Fatal(err)
	}
	s.review = func(s *scene) {
		s.say("vera", "/approve "+s.digest[:12])
		s.say("tom", "/approve "+s.digest+" good luck")
	}
	return s
}

func (s *scene) say(user, body string, change ...func(*github.Comment)) {
	now := time.Now().Add(time.Second)
	c := github.Comment{User: user, Body: body, Created: now, Updated: now}
	for _, f := range change {
		f(&c)
	}
	s.hub.Change(func(k *github.Known) {
		i := k.Issues[len(k.Issues)-1]
		i.Comments = append(i.Comments, c)
	})
}

// decoy is an issue of the same title by somebody else.
func (s *scene) decoy(user string) {
	s.hub.Change(func(k *github.Known) {
		k.Issues = append(k.Issues, &github.Issue{Title: s.question.Title(), Labels: []string{gate.ApprovalLabel}, State: "open", User: user, Created: time.Now()})
	})
}

func TestApprovedByComments(t *testing.T) {
	t.Parallel()
	s := commented(t)
	if i := s.hub.Issues()[0]; !strings.Contains(i.Body, "/approve "+s.digest[:12]+"\n") || !strings.Contains(i.Body, "| findings |") || i.Title != s.question.Title() {
		t.Errorf("%+v", i)
	}
	s.say("eve", "/reject I do not like it") // she belongs to no group
	a, err := s.decide(t)
	if err != nil || len(a.Approvals) != 2 || a.Approvals[0].By != "vera" {
		t.Fatalf("%+v, %v", a, err)
	}
	if err := s.question.Asked(t.Context()); err != nil || s.hub.Issues()[0].State != "closed" {
		t.Errorf("%+v, %v", s.hub.Issues(), err)
	}
	if _, err := s.question.Ask(t.Context(), s.digest, "again"); err != nil || len(s.hub.Issues()) != 2 {
		t.Errorf("%d issues, %v", len(s.hub.Issues()), err)
	}
}

// Two of a group comment, each once.
func TestTwoHaveToApprove(t *testing.T) {
	t.Parallel()
	s := commented(t)
	s.question.Gate.Approvals[0].Least = 2
	s.hub.Change(func(k *github.Known) { k.Teams["acme/leadership"]["bea"] = "active" })
	if _, err := s.decide(t); err == nil || !strings.Contains(err.Error(), "approval/leadership: 1 of 2 approved it") {
		t.Errorf("one of two: %v", err)
	}
	s.review = func(s *scene) { s.say("vera", "/approve "+s.digest[:12]) }
	if _, err := s.decide(t); err == nil || !strings.Contains(err.Error(), "1 of 2 approved it") {
		t.Errorf("one of two, twice: %v", err)
	}
	s.review = func(s *scene) { s.say("bea", "/approve "+s.digest[:12]) }
	a, err := s.decide(t)
	if err != nil || len(a.Approvals) != 3 || a.Approvals[0].By != "vera" || a.Approvals[1].By != "bea" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestCommentsThatDoNotApprove(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		say  func(s *scene)
		says string
	}{
		"nobody":              {func(*scene) {}, "0 of 1 approved it"},
		"no digest":           {func(s *scene) { s.say("vera", "/approve") }, "did not name the digest"},
		"another digest":      {func(s *scene) { s.say("vera", "/approve 0123456789abcdef") }, "did not name the digest"},
		"too short":           {func(s *scene) { s.say("vera", "/approve "+s.digest[:11]) }, "did not name the digest"},
		"in the middle":       {func(s *scene) { s.say("vera", "do not /approve "+s.digest[:12]) }, "0 of 1 approved it"},
		"in a quotation":      {func(s *scene) { s.say("vera", "> /approve "+s.digest[:12]) }, "0 of 1 approved it"},
		"who started it":      {func(s *scene) { s.say("alice", "/approve "+s.digest[:12]) }, "nobody approves their own"},
		"a stranger":          {func(s *scene) { s.say("mallory", "/approve "+s.digest[:12]) }, "does not belong to leadership"},
		"invited, not joined": {func(s *scene) { s.say("paul", "/approve "+s.digest[:12]) }, "does not belong to leadership"},
		"a program":           {func(s *scene) { s.say("release-bot[bot]", "/approve "+s.digest[:12]) }, "is no person"},
		"a program for a person": {func(s *scene) {
			s.say("vera", "/approve "+s.digest[:12], func(c *github.Comment) { c.App = "copilot" })
		}, "written by the program copilot"},
		"edited": {func(s *scene) {
			s.say("vera", "/approve "+s.digest[:12], func(c *github.Comment) { c.Updated = c.Created.Add(time.Second) })
		}, "it was edited"},
		"before the findings": {func(s *scene) {
			s.say("vera", "/approve "+s.digest[:12], func(c *github.Comment) { c.Created = s.question.Now.Add(-time.Minute); c.Updated = c.Created })
		}, "older than the findings"},
		"rejected": {func(s *scene) {
			s.say("vera", "/approve "+s.digest[:12])
			s.say("vera", "/reject I looked again")
		}, "vera rejected it: I looked again"},
		"rejected below an approval": {func(s *scene) {
			s.say("vera", "/approve "+s.digest[:12]+"\n\nOr rather:\n\n/reject the notes are of another release")
		}, "vera rejected it: the notes are of another release"},
		"rejected, and edited": {func(s *scene) {
			s.say("vera", "/approve "+s.digest[:12])
			s.say("vera", "/reject", func(c *github.Comment) { c.Updated = c.Created.Add(time.Minute) })
		}, "vera rejected it"},
		"rejected by who knows whom": {func(s *scene) {
			s.say("vera", "/approve "+s.digest[:12])
			s.say("paul", "/reject I may be of the team")
			s.hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/memberships/paul", Status: 502}} })
		}, "paul rejected it"},
		"on a closed issue": {func(s *scene) {
			s.say("vera", "/approve "+s.digest[:12])
			s.hub.Change(func(k *github.Known) { k.Issues[0].State = "closed" })
		}, "there is no open issue"},
		"of another attempt": {func(s *scene) {
			s.say("vera", "/approve "+s.digest[:12])
			s.hub.Change(func(k *github.Known) {
				k.Issues[0].Title = strings.Replace(k.Issues[0].Title, "attempt 1", "attempt 2", 1)
			})
		}, "there is no open issue"},
		"beside the issue of a person, which hides a rejection": {func(s *scene) {
			s.say("vera", "/reject not today")
			s.decoy("alice")
			s.say("vera", "/approve "+s.digest[:12])
		}, "vera rejected it: not today"},
		"on the issue of a person alone": {func(s *scene) {
			s.hub.Change(func(k *github.Known) { k.Issues = nil })
			s.decoy("alice")
			s.say("vera", "/approve "+s.digest[:12])
		}, "there is no open issue"},
		"two programs ask": {func(s *scene) {
			s.say("vera", "/approve "+s.digest[:12])
			s.decoy("release-bot[bot]")
		}, "there are 2 open issues"},
		"GitHub is down": {func(s *scene) {
			s.say("vera", "/approve "+s.digest[:12])
			s.hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/comments", Status: 502}} })
		}, "502"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := commented(t)
			s.review = func(s *scene) { s.say("tom", "/approve "+s.digest[:12]); tt.say(s) }
			a, err := s.decide(t)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v\nand not %q: %+v", err, tt.says, a)
			}
			if a != nil && len(plan.Failed(a.Findings)) == 0 {
				t.Errorf("%+v", a.Findings)
			}
		})
	}
}
