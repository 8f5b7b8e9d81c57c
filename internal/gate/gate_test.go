package gate_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/gate"
	ours "github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

var commit = strings.Repeat("c0ffee", 7)[:40]

// always are findings that every gate wants.
func always() []plan.Finding {
	return []plan.Finding{{ID: "variables", Status: plan.Pass, Text: "all are there"}, {ID: "rollback-plan", Status: plan.Pass, Text: "nothing is lost"}}
}

// scene is a release that may begin: everything is as it should be. Tests break one thing.
type scene struct {
	hub      *github.Server
	run      *github.Run
	question gate.Question
	digest   string
	comment  string // of the approvals; default: the digest
	review   func(s *scene)
}

func newScene(t testing.TB) *scene {
	t.Helper()
	h := github.New("acme/platform")
	no := false
	s := &scene{run: &github.Run{
		ID: 77, Attempt: 1, SHA: commit, Branch: "main", Path: ".github/workflows/production.yml", Event: "workflow_dispatch",
		Actor: "alice", Waiting: []string{"production", "production-oncall"},
	}}
	h.Change(func(k *github.Known) {
		k.Runs[77] = s.run
		k.Environments["production"] = &github.Environment{
			Name: "production", Teams: []string{"leadership"}, Users: []string{"mallory"}, PreventSelfReview: true, AdminsBypass: &no,
			Policy: github.CustomBranches, Branches: []string{"main"},
		}
		k.Environments["production-oncall"] = &github.Environment{
			Name: "production-oncall", Users: []string{"tom", "eve"}, PreventSelfReview: true, AdminsBypass: &no, Policy: github.ProtectedBranches,
		}
		k.Teams["acme/leadership"] = map[string]string{"vera": "active", "alice": "active", "paul": "pending"}
		k.Bots["release-bot[bot]"] = true
		k.Protected["main"] = true
	})
	s.hub = testenv.GitHub(t, h)
	client, err := ours.New(ours.Options{URL: s.hub.URL, Token: "x", Repository: "acme/platform", Wait: time.Second, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	p := &plan.Plan{
		Version: plan.Version, Environment: "production", Namespace: "shop", By: "alice", Source: commit,
		Services: []plan.Service{}, Objects: []plan.Object{}, Migrations: []plan.Migration{},
	}
	own, err := p.Digest()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	findings := append(always(), plan.Finding{ID: "checks/test", Status: plan.Pass, Text: "passed"})
	digest, err := plan.Digest(findings)
	if err != nil {
		t.Fatal(err)
	}
	evidence := plan.NewEvidence(own, now, plan.Item{Kind: plan.Preflight, Name: "findings", SHA256: digest, At: now, Passed: true})
	evidence.Run, evidence.Nonce = "acme/platform/77/1", "nobody-knows"
	s.question = gate.Question{
		GitHub: client, Environment: "production", Platform: &platform.Platform{}, Plan: p, Evidence: evidence, Findings: findings, Run: 77, Attempt: 1, SHA: commit, Now: now,
		Gate: &platform.Gate{
			Workflow: ".github/workflows/production.yml", Branch: "main", Digest: &yes,
			Approvals: []platform.Approval{
				{Name: "leadership", Environment: "production", Teams: []string{"leadership"}, Least: 1},
				{Name: "incident response", Environment: "production-oncall", Users: []string{"tom"}, Least: 1},
			},
		},
	}
	if s.digest, err = plan.Approval(p, evidence); err != nil {
		t.Fatal(err)
	}
	s.comment = "ship it: " + s.digest[:12]
	return s
}

// waive makes the findings have one that was waived, until a time.
func (s *scene) waive(t *testing.T, id string, until time.Time) {
	t.Helper()
	s.question.Findings = append([]plan.Finding{{ID: id, Status: plan.Waived, Text: "not now", Waiver: &plan.Waiver{By: "alice", Why: "a typo", Until: until}}}, always()...)
	if kind, _, _ := strings.Cut(id, "/"); kind == "window" {
		s.question.Gate.Window = &platform.Window{Zone: "UTC", Weekly: []string{"mon 00:00-00:01"}}
	}
	s.found(t, s.question.Findings)
}

// found makes these the findings that are approved.
func (s *scene) found(t *testing.T, findings []plan.Finding) {
	t.Helper()
	s.question.Findings = findings
	digest, err := plan.Digest(findings)
	if err != nil {
		t.Fatal(err)
	}
	s.question.Evidence.Items[0].SHA256 = digest
	s.approves(t)
}

// approves makes people approve the plan with its evidence as it is now.
func (s *scene) approves(t *testing.T) {
	t.Helper()
	var err error
	if s.digest, err = plan.Approval(s.question.Plan, s.question.Evidence); err != nil {
		t.Fatal(err)
	}
	s.comment = s.digest[:12]
}

// backup makes a backup of an age a part of what is approved, where an hour is allowed.
func (s *scene) backup(t *testing.T, age time.Duration) {
	t.Helper()
	s.question.Gate.Backup = platform.Duration{Duration: time.Hour}
	s.question.Evidence.Items = append(s.question.Evidence.Items, plan.Item{
		Kind: plan.Backup, Name: "database", SHA256: strings.Repeat("d", 64), At: s.question.Now.Add(-age), Passed: true,
	})
	s.approves(t)
}

// again makes a backup have been taken since.
func (s *scene) again(age time.Duration) {
	s.question.Again = &plan.Item{Kind: plan.Backup, Name: "database, again", SHA256: strings.Repeat("e", 64), At: s.question.Now.Add(-age), Passed: true}
}

func (s *scene) decide(t *testing.T) (*gate.Answer, error) {
	t.Helper()
	if s.review != nil {
		s.review(s)
	} else {
		s.approve()
	}
	return gate.Decide(t.Context(), s.question)
}

// approve has both groups approve.
func (s *scene) approve() {
	s.hub.Change(func(*github.Known) {
		s.run.Reviews = append(s.run.Reviews,
			github.Review{User: "vera", State: "approved", Comment: s.comment, Environments: []string{"production"}},
			github.Review{User: "tom", State: "approved", Comment: s.comment, Environments: []string{"production-oncall"}})
	})
}

func TestApproved(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.question.Gate.ExceptAuthor = true
	s.knowsAuthor()
	a, err := s.decide(t)
	if err != nil {
		t.Fatal(err)
	}
	if a.Digest != s.digest || len(a.Approvals) != 2 || a.Approvals[0].By != "vera" || a.Approvals[1].Group != "incident response" || a.Approvals[0].Digest != s.digest {
		t.Errorf("%+v", a)
	}
}

func environment(name string, change func(*github.Environment)) func(*testing.T, *scene) {
	return func(_ *testing.T, s *scene) {
		s.hub.Change(func(k *github.Known) { change(k.Environments[name]) })
	}
}

func reviews(all ...github.Review) func(*testing.T, *scene) {
	return func(_ *testing.T, s *scene) {
		s.review = func(s *scene) {
			for _, r := range all {
				r.Comment = strings.ReplaceAll(r.Comment, "DIGEST", s.digest[:12])
				s.run.Reviews = append(s.run.Reviews, r)
			}
		}
	}
}

func approval(user string, environments ...string) github.Review {
	return github.Review{User: user, State: "approved", Comment: "DIGEST", Environments: environments}
}

// The ways in which an approval is bypassed or confused; each is refused, and
// the reason says which it was. The numbers are those of docs/gates.md.
func TestAttacks(t *testing.T) {
	t.Parallel()
	tom := approval("tom", "production-oncall")
	for name, attack := range map[string]struct {
		do   func(*testing.T, *scene)
		says string
	}{
		"1 the environment is missing": {func(_ *testing.T, s *scene) {
			s.hub.Change(func(k *github.Known) { delete(k.Environments, "production") })
		}, "read environment production: GitHub answered 404"},
		"1 it was made without protection":   {environment("production", func(e *github.Environment) { e.Users, e.Teams = nil, nil }), "it has no required reviewers"},
		"1 GitHub is down":                   {fault(github.Fault{Path: "/environments/", Status: 502}), "GitHub answered 502"},
		"2 an environment with another name": {environment("production", func(e *github.Environment) { e.Name = "production " }), "GitHub answered for environment"},
		"3 self-approval by the actor":       {reviews(approval("alice", "production"), tom), "alice started this run"},
		"3 self-approval in other letters":   {reviews(approval("ALICE", "production"), tom), "ALICE started this run"},
		"3 self-approval by who ran it again": {func(_ *testing.T, s *scene) {
			s.rerun(2)
			s.run.TriggeringActors = []string{"alice", "vera"}
		}, "vera started this run"},
		"3 self-approval by who ran it before": {func(_ *testing.T, s *scene) {
			s.rerun(3)
			s.run.TriggeringActors = []string{"alice", "vera", "alice"}
		}, "vera started this run"},
		"3 self-approval is not prevented":       {environment("production-oncall", func(e *github.Environment) { e.PreventSelfReview = false }), "approve what they started themselves"},
		"4 administrators may bypass":            {environment("production", func(e *github.Environment) { yes := true; e.AdminsBypass = &yes }), "administrators may bypass"},
		"4 GitHub does not say whether they may": {environment("production", func(e *github.Environment) { e.AdminsBypass = nil }), "administrators may bypass"},
		"4 an administrator bypassed it":         {reviews(tom), "0 of 1 approved it"},
		"5 a run that was run again":             {func(_ *testing.T, s *scene) { s.run.Attempt, s.question.Attempt = 2, 2 }, "the plan was made in acme/platform/77/1, and this is acme/platform/77/2"},
		"5 the job says another attempt":         {func(_ *testing.T, s *scene) { s.question.Attempt = 2 }, "GitHub is at attempt 1, and this is attempt 2"},
		"6 an approval of another plan":          {func(_ *testing.T, s *scene) { s.comment = "ship it: " + strings.Repeat("0", 12) }, "did not name the digest"},
		"6 an approval without a digest":         {func(_ *testing.T, s *scene) { s.comment = "ship it" }, "did not name the digest"},
		"6 too few of its digits":                {func(_ *testing.T, s *scene) { s.comment = s.digest[:11] }, "did not name the digest"},
		"6 digits of it within others":           {func(_ *testing.T, s *scene) { s.comment = "a" + s.digest[:20] }, "did not name the digest"},
		"6 no digest wanted, and an approval of an earlier attempt": {func(_ *testing.T, s *scene) {
			s.rerun(2)
			no := false
			s.question.Gate.Digest = &no
		}, "GitHub does not say which"},
		"7 approved before the plan was made anew": {func(_ *testing.T, s *scene) { s.question.Evidence.Nonce = "another" }, "did not name the digest"},
		"7 the plan was changed since":             {func(_ *testing.T, s *scene) { s.question.Plan.Namespace = "other" }, "the evidence is for plan"},
		"7 a plan for another environment":         {func(_ *testing.T, s *scene) { s.question.Environment = "staging" }, "the plan is for production"},
		"7 the findings were changed since":        {func(_ *testing.T, s *scene) { s.question.Findings[0].Text = "fine" }, "its findings are not those that were approved"},
		"7 the findings are missing":               {func(_ *testing.T, s *scene) { s.question.Findings = nil }, "its findings are not here"},
		"7 there was no preflight":                 {func(_ *testing.T, s *scene) { s.question.Evidence.Items = []plan.Item{} }, "nothing was looked at"},
		"8 another commit is checked out":          {func(_ *testing.T, s *scene) { s.question.SHA = strings.Repeat("b", 40) }, "is checked out"},
		"8 another commit was planned": {func(_ *testing.T, s *scene) {
			s.run.SHA, s.question.SHA = strings.Repeat("b", 40), strings.Repeat("b", 40)
		}, "and the plan is of"},
		"8 another workflow":            {func(_ *testing.T, s *scene) { s.run.Path = ".github/workflows/mine.yml" }, "only .github/workflows/production.yml releases"},
		"8 the workflow of another ref": {func(_ *testing.T, s *scene) { s.run.Path += "@refs/heads/mine" }, "its workflow is of refs/heads/mine"},
		"8 another branch":              {func(_ *testing.T, s *scene) { s.run.Branch = "mine" }, "it runs on mine, not on main"},
		"8 every branch may deploy":     {environment("production", func(e *github.Environment) { e.Policy = github.NoPolicy }), "from every branch"},
		"8 other branches may deploy":   {environment("production", func(e *github.Environment) { e.Branches = []string{"main", "*"} }), "from main, *, not from main alone"},
		"8 protected branches, and none is": {func(_ *testing.T, s *scene) {
			s.hub.Change(func(k *github.Known) { delete(k.Protected, "main") })
		}, "main is not protected"},
		"9 pull_request_target":       {func(_ *testing.T, s *scene) { s.run.Event = "pull_request_target" }, "started by pull_request_target"},
		"9 workflow_run":              {func(_ *testing.T, s *scene) { s.run.Event = "workflow_run" }, "started by workflow_run"},
		"9 a pull request of a fork":  {func(_ *testing.T, s *scene) { s.run.Event, s.run.Fork = "pull_request", "mallory/platform" }, "started by pull_request"},
		"9 the code of a fork":        {func(_ *testing.T, s *scene) { s.run.Fork = "mallory/platform" }, "its code is of mallory/platform"},
		"9 push":                      {func(_ *testing.T, s *scene) { s.run.Event = "push" }, "started by push"},
		"10 a program approves":       {reviews(approval("release-bot[bot]", "production"), tom), "is no person but a Bot"},
		"11 approved for another one": {reviews(approval("vera", "production-oncall"), tom), "0 of 1 approved it"},
		"11 rejected by somebody":     {reviews(approval("vera", "production"), tom, github.Review{User: "eve", State: "rejected", Comment: "not today", Environments: []string{"production", "production-oncall"}}), "eve rejected it: not today"},
		"11 still pending":            {reviews(github.Review{User: "vera", State: "pending", Comment: "DIGEST", Environments: []string{"production"}}, tom), "has not approved (pending)"},
		"11 one person counts twice": {func(t *testing.T, s *scene) {
			s.question.Gate.Approvals[0].Least = 2
			reviews(approval("vera", "production"), approval("vera", "production"), tom)(t, s)
		}, "1 of 2 approved it"},
		"12 the approver has left the team": {func(_ *testing.T, s *scene) {
			s.hub.Change(func(k *github.Known) { delete(k.Teams["acme/leadership"], "vera") })
		}, "vera does not belong to leadership"},
		"12 the approver was only invited": {reviews(approval("paul", "production"), tom), "paul does not belong to leadership"},
		"12 a reviewer of no group":        {reviews(approval("mallory", "production"), tom), "mallory does not belong to leadership"},
		"12 the token may not see teams":   {fault(github.Fault{Path: "/teams/", Status: 403}), "GitHub answered 403"},
		"13 no required reviewers on this plan": {func(_ *testing.T, s *scene) {
			s.hub.Change(func(k *github.Known) {
				for _, e := range k.Environments {
					e.Users, e.Teams = nil, nil
				}
			})
		}, "environment/production-oncall: it has no required reviewers"},
		"who wrote it approves": {func(_ *testing.T, s *scene) {
			s.question.Gate.ExceptAuthor = true
			s.hub.Change(func(k *github.Known) { k.Commits.Author = "Vera" })
		}, "vera wrote what is released, and nobody approves their own"},
		"nobody knows who wrote it":     {func(_ *testing.T, s *scene) { s.question.Gate.ExceptAuthor = true }, "has no account of GitHub that it knows"},
		"14 the plan expired":           {func(_ *testing.T, s *scene) { s.question.Now = s.question.Now.Add(25 * time.Hour) }, "it expired"},
		"14 the plan is of tomorrow":    {func(_ *testing.T, s *scene) { s.question.Now = s.question.Now.Add(-time.Hour) }, "made in the future"},
		"a waiver that nobody may give": {func(t *testing.T, s *scene) { s.waive(t, "checks/test", s.question.Now.Add(time.Hour)) }, "checks/test waived"},
		"a waiver that has expired": {func(t *testing.T, s *scene) {
			s.question.Gate.Waivable = []string{"notes"}
			s.waive(t, "notes", s.question.Now.Add(-time.Minute))
		}, "notes waived"},
		"a finding that failed": {func(t *testing.T, s *scene) {
			s.waive(t, "notes", s.question.Now.Add(time.Hour))
			s.question.Gate.Waivable = []string{"notes"}
			s.question.Findings[0].Status = plan.Fail
			digest, _ := plan.Digest(s.question.Findings)
			s.question.Evidence.Items[0].SHA256 = digest
		}, "notes fail"},
		"something was not looked at":   {func(_ *testing.T, s *scene) { s.question.Gate.Security = "high" }, "nobody looked at security"},
		"performance was not looked at": {func(_ *testing.T, s *scene) { s.question.Gate.Performance = &platform.Performance{Check: "load"} }, "nobody looked at performance"},
		"nobody looked who is on call":  {func(_ *testing.T, s *scene) { s.question.Gate.OnCall = &platform.OnCall{} }, "nobody looked at on-call"},
		"nobody looked at the drafts":   {func(_ *testing.T, s *scene) { s.question.Gate.NotesDraft = true }, "nobody looked at notes"},
		"nobody looked how old secrets are": {func(_ *testing.T, s *scene) {
			s.question.Platform.Variables = []platform.Variable{{Name: "API_KEY", RotateEvery: platform.Duration{Duration: time.Hour}}}
		}, "nobody looked at rotation"},
		"the backup was not looked at":           {func(_ *testing.T, s *scene) { s.question.Platform.Database = &platform.Database{} }, "nobody looked at backup"},
		"nobody looked at what a rollback loses": {func(t *testing.T, s *scene) { s.found(t, always()[:1]) }, "nobody looked at rollback-plan"},
		"stakeholders were not told": {func(t *testing.T, s *scene) {
			s.question.Platform.Environments = map[string]platform.Environment{"production": {Notify: []platform.Notification{{Name: "stakeholders", On: []string{platform.Waiting}}}}}
			s.question.Plan.Migrations = []plan.Migration{{Name: "0001"}}
			s.question.Evidence.Plan, _ = s.question.Plan.Digest()
			s.found(t, always())
		}, "nobody looked at notify/stakeholders"},
		"the backup has become too old":      {func(t *testing.T, s *scene) { s.backup(t, 61*time.Minute) }, "it is 1h1m0s old by now, more than 1h0m0s"},
		"the second backup is too old":       {func(t *testing.T, s *scene) { s.backup(t, 3*time.Hour); s.again(2 * time.Hour) }, "it is 2h0m0s old by now"},
		"the second backup is the first":     {func(t *testing.T, s *scene) { s.backup(t, 61*time.Minute); s.again(61 * time.Minute) }, "no newer than the one that was approved"},
		"the second backup is of the future": {func(t *testing.T, s *scene) { s.backup(t, 61*time.Minute); s.again(-time.Hour) }, "of the future"},
		"the second backup was not verified": {func(t *testing.T, s *scene) {
			s.backup(t, 61*time.Minute)
			s.again(0)
			s.question.Again.Passed = false
		}, "no backup that was restored and compared"},
		"a preflight of nothing": {func(t *testing.T, s *scene) {
			s.found(t, []plan.Finding{})
		}, "nobody looked at rollback-plan"},
		"the window has closed since": {func(_ *testing.T, s *scene) {
			s.question.Gate.Window = &platform.Window{Zone: "UTC", Weekly: []string{"mon 00:00-00:01"}, Freezes: []platform.Freeze{{From: "2000-01-01", To: "2999-12-31", Why: "always"}}}
		}, "nothing is released from 2000-01-01"},
		"who waives the window is not who approves": {func(t *testing.T, s *scene) {
			s.question.Gate.Waivable = []string{"window"}
			s.question.Gate.Approvals = append(s.question.Gate.Approvals, platform.Approval{Name: "board", Environment: "production", Users: []string{"bea"}, Least: 1, Waives: "window"})
			s.waive(t, "window", s.question.Now.Add(time.Hour))
		}, "approval/board: 0 of 1 approved it"},
		"the run does not exist":  {func(_ *testing.T, s *scene) { s.question.Run = 78 }, "read run 78: GitHub answered 404"},
		"malformed JSON":          {fault(github.Fault{Path: "/approvals", Body: `[{"state":`}), "read the approvals of run 77"},
		"an answer of other form": {fault(github.Fault{Path: "/approvals", Body: `{"state": "approved"}`}), "read the approvals of run 77"},
		"an empty answer":         {fault(github.Fault{Path: "/environments/", Body: `{}`}), "GitHub answered for environment"},
		"null":                    {fault(github.Fault{Path: "/runs/77", Body: `null`}), "run: GitHub answered for run 0"},
		"403":                     {fault(github.Fault{Path: "/approvals", Status: 403}), "GitHub answered 403"},
		"429":                     {fault(github.Fault{Path: "/approvals", Status: 429, RetryAfter: 600}), "GitHub answered 429"},
		"hangs":                   {fault(github.Fault{Path: "/approvals", Delay: time.Minute}), "read the approvals of run 77: GitHub did not answer in time"},
		"teams hang":              {fault(github.Fault{Path: "/teams/", Delay: time.Minute}), "GitHub did not answer in time"},
		"cut":                     {fault(github.Fault{Path: "/approvals", Cut: true}), "read the approvals of run 77"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			attack.do(t, s)
			a, err := s.decide(t)
			var refused *gate.ClosedError
			if !errors.As(err, &refused) {
				t.Fatalf("it was let through: %+v, %v", a, err)
			}
			if !strings.Contains(err.Error(), attack.says) {
				t.Errorf("%v", err)
			}
			if refused.Hint() == "" || strings.HasPrefix(name, "13") && !strings.Contains(refused.Hint(), "gate.comments: true") {
				t.Errorf("it does not say what to do, but %q", refused.Hint())
			}
		})
	}
}

// rerun makes the run be at an attempt, with a plan of that attempt.
func (s *scene) rerun(attempt int) {
	s.run.Attempt, s.question.Attempt = attempt, attempt
	s.question.Evidence.Run = fmt.Sprintf("acme/platform/77/%d", attempt)
	s.digest, _ = plan.Approval(s.question.Plan, s.question.Evidence)
	s.comment = s.digest[:12]
}

func fault(f github.Fault) func(*testing.T, *scene) {
	return func(_ *testing.T, s *scene) { s.hub.Change(func(k *github.Known) { k.Faults = []github.Fault{f} }) }
}

// A waiver that may be given lets the release through, with who gave it.
func TestWaived(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.question.Gate.Waivable = []string{"documentation"}
	s.waive(t, "documentation", s.question.Now.Add(time.Hour))
	if _, err := s.decide(t); err != nil {
		t.Error(err)
	}
}

// A backup that was taken since needs no new approval.
func TestBackupTakenAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.backup(t, 3*time.Hour)
	s.again(time.Minute)
	a, err := s.decide(t)
	if err != nil || a.Digest != s.digest {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(a.Findings, func(f plan.Finding) bool { return f.ID == "backup" }); i < 0 || a.Findings[i].Text != "1m0s old; SHA-256 eeeeeeeeeeee" {
		t.Errorf("%+v", a.Findings)
	}
	s = newScene(t)
	s.backup(t, 59*time.Minute)
	if _, err := s.decide(t); err != nil {
		t.Error(err)
	}
}

// knowsAuthor makes GitHub know who wrote the commit.
func (s *scene) knowsAuthor() { s.hub.Change(func(k *github.Known) { k.Commits.Author = "alice" }) }

// opens takes the reviewers of an environment away.
func (s *scene) opens(name string) {
	s.hub.Change(func(k *github.Known) { k.Environments[name].Users, k.Environments[name].Teams = nil, nil })
}
