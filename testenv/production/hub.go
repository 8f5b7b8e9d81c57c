package production

import (
	"time"

	"github.com/teei/slipway/testenv/github"
)

// serve starts GitHub's stand-in as it is when a release is due: all checks have
// passed, and two environments have their reviewers.
func (s *show) serve() error {
	h := github.New("teei/platform")
	no := false
	h.Change(func(k *github.Known) {
		k.Runs[s.run] = &github.Run{
			ID: s.run, Attempt: 1, SHA: s.sha, Branch: "main", Path: workflowFile, Event: "workflow_dispatch", Actor: "alice",
		}
		for name, team := range map[string]string{"production": "leadership", "production-oncall": "incident-response", "production-override": "leadership"} {
			k.Environments[name] = &github.Environment{
				Name: name, Teams: []string{team}, PreventSelfReview: true, AdminsBypass: &no, Policy: github.CustomBranches, Branches: []string{"main"},
			}
		}
		k.Teams["teei/leadership"] = map[string]string{"vera": "active"}
		k.Teams["teei/incident-response"] = map[string]string{"tom": "active"}
		for _, name := range []string{"test", "e2e", "typecheck", "lint", "build"} {
			k.Checks = append(k.Checks, github.Check{SHA: s.sha, Name: name, App: "github-actions", Conclusion: "success", Completed: time.Now()})
		}
		k.Checks = append(k.Checks, github.Check{SHA: s.sha, Name: "performance", App: "k6", Conclusion: "success", Completed: time.Now()})
		k.Commits.Analysed = []string{s.sha}
		k.Changed = []string{"services/api-gateway/src/main.ts", "CHANGELOG.md"}
		k.Commits.Patches = map[string]string{"CHANGELOG.md": "@@ -3,1 +3,2 @@\n ## Next\n+- A match can be ended by either side.\n"}
	})
	var err error
	s.hub, err = h.Listen(s.address)
	return err
}

// wait lets people decide: the run waits for both environments.
func (s *show) wait() {
	s.hub.Change(func(k *github.Known) { k.Runs[s.run].Waiting = []string{"production", "production-oncall"} })
}

// explain adds to what the page shows of the run.
func (s *show) explain(markdown string) {
	s.hub.Change(func(k *github.Known) { k.Runs[s.run].Summary += markdown + "\n\n" })
}

// approved approves as both groups.
func (s *show) approved(digest string) error {
	for user, environment := range map[string]string{"vera": "production", "tom": "production-oncall"} {
		if err := s.hub.Review(s.run, github.Review{User: user, State: "approved", Comment: digest[:12], Environments: []string{environment}}); err != nil {
			return err
		}
	}
	return nil
}
