package gate_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/github"
)

// admission of the scene's run to production.
func admission(s *scene) gate.Admission {
	return gate.Admission{
		GitHub: s.question.GitHub, Environment: "production", Run: 77, SHA: commit, Now: s.question.Now,
		Platform: &platform.Platform{Environments: map[string]platform.Environment{"production": {Gate: s.question.Gate}}},
	}
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	monday := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	open := &platform.Window{Zone: "UTC", Weekly: []string{"mon 09:00-15:00"}}
	failing := func(s *scene) {
		s.question.Gate.Checks = []platform.RequiredCheck{{Name: "test", App: "github-actions"}}
		s.hub.Change(func(k *github.Known) {
			k.Checks = []github.Check{{SHA: commit, Name: "test", App: "github-actions", Conclusion: "failure", Completed: time.Now()}}
		})
	}
	for name, tt := range map[string]struct {
		do          func(s *scene)
		at          time.Time
		state, says string
	}{
		"before the window":      {func(s *scene) { s.question.Gate.Window = open }, monday.Add(-2 * time.Hour), gate.Waiting, "it is Mon 08:00 in UTC"},
		"within the window":      {func(s *scene) { s.question.Gate.Window = open }, monday, gate.Approved, "mon 09:00-15:00"},
		"a window of the gate's": {func(s *scene) { s.question.Gate.Window, s.question.Gate.Waivable = open, []string{"window"} }, monday.Add(-2 * time.Hour), gate.Approved, "started by alice"},
		"a check failed":         {failing, monday, gate.Rejected, "it is completed failure"},
		"a check of the gate's":  {func(s *scene) { failing(s); s.question.Gate.Waivable = []string{"checks"} }, monday, gate.Approved, "started by alice"},
		"unprotected":            {func(s *scene) { s.opens("production") }, monday, gate.Rejected, "it has no required reviewers"},
		"unprotected, comments":  {func(s *scene) { s.opens("production"); s.question.Gate.Comments = true }, monday, gate.Approved, "started by alice"},
		"rejected, comments": {func(s *scene) {
			s.question.Gate.Comments = true
			s.hub.Change(func(*github.Known) {
				s.run.Reviews = []github.Review{{User: "vera", State: "rejected", Comment: "not today", Environments: []string{"production"}}}
			})
		}, monday, gate.Rejected, "vera rejected it: not today"},
		"GitHub is down": {func(s *scene) {
			s.hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/approvals", Status: 502}} })
		}, monday, gate.Waiting, "GitHub answered 502"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			tt.do(s)
			a := admission(s)
			a.Now = tt.at
			state, findings := gate.Admit(t.Context(), a)
			if told := gate.Told(state, findings); state != tt.state || !strings.Contains(told, tt.says) {
				t.Errorf("%q: %s", state, told)
			}
		})
	}
}

// GitHub takes 1,024 letters: the reason is in them, however long it is.
func TestTold(t *testing.T) {
	t.Parallel()
	long := plan.Finding{ID: "run/workflow", Status: plan.Fail, Text: "no " + strings.Repeat("é", 2000), Advice: "mend it"}
	short := plan.Finding{ID: "run/branch", Status: plan.Fail, Text: "it runs on mine, not on main", Advice: "start it anew"}
	passed := plan.Finding{ID: "run", Status: plan.Pass, Text: "run 77"}
	for name, tt := range map[string]struct {
		findings []plan.Finding
		says     string
	}{
		"one that is too long":       {[]plan.Finding{long}, "Rejected.\n- run/workflow: no éé"},
		"what is wrong comes first":  {[]plan.Finding{passed, short}, "Rejected.\n- run/branch: it runs on mine, not on main (start it anew)\n- run: run 77"},
		"many":                       {append([]plan.Finding{short}, long, long), "Rejected.\n- run/branch: it runs on mine, not on main (start it anew)\n- run/workflow: no é"},
		"a letter that is no letter": {[]plan.Finding{{ID: "run", Status: plan.Fail, Text: "it is \xff"}}, "- run: it is ?"},
	} {
		told := gate.Told(gate.Rejected, tt.findings)
		if !strings.Contains(told, tt.says) || len(told) > 1024 || !utf8.ValidString(told) {
			t.Errorf("%s: %d bytes: %s", name, len(told), told)
		}
	}
}
