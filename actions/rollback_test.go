package main

import (
	"strings"
	"testing"

	"github.com/teei/slipway/testenv/github"
)

// TestRollbackAsks: in a workflow the people of gate.rollback decide, and at a
// terminal who sits there.
func TestRollbackAsks(t *testing.T) {
	t.Parallel()
	told, variables := stakeholders(t)
	c := newCheckout(t, variables...)
	c.release("old")
	c.write("slipway.yaml", strings.Replace(anothersRepository["slipway.yaml"], "kubeconfig: TEST_KUBECONFIG}", `
    kubeconfig: TEST_KUBECONFIG, notify: [{name: ops, url: HOOK, secret: HOOK_KEY, on: [failed, rolled-back]}],
    gate: {
      workflow: .github/workflows/production.yml, approvals: [{name: leadership, environment: production, users: [vera]}],
      rollback: {workflow: .github/workflows/rollback.yml, approvals: [{name: on call, environment: production-oncall, users: [tom]}]}}}`, 1))
	run(t, c.dir, "git", "init", "--quiet", "--initial-branch=main")
	run(t, c.dir, "git", "add", "slipway.yaml")
	run(t, c.dir, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--no-gpg-sign", "--message=shop")
	hub := hubOf(t, strings.TrimSpace(run(t, c.dir, "git", "rev-parse", "HEAD")))
	hub.Change(func(k *github.Known) { k.Runs[77].Path = ".github/workflows/rollback.yml" })
	terminal := c.variables
	c.variables = append(c.variables, "GITHUB_ACTIONS=true", "GITHUB_RUN_ID=77", "GITHUB_RUN_ATTEMPT=1", "GITHUB_API_URL="+hub.URL, "GITHUB_TOKEN=hub-token", "GITHUB_REPOSITORY=acme/platform")
	if out := c.slipway(1, "rollback", "--to", "0", "--yes"); !strings.Contains(out, "approval/on call: 0 of 1 approved it") || c.version() != "old" {
		t.Errorf("%s", out)
	}
	if got := heard(told); got != "failed" {
		t.Errorf("people were told of %q", got)
	}
	c.slipway(0, "rollback", "--unfinished") // of what was approved before, and here of nothing
	if err := hub.Review(77, github.Review{User: "tom", State: "approved", Comment: "back, quickly", Environments: []string{"production-oncall"}}); err != nil {
		t.Fatal(err)
	}
	if out := c.slipway(0, "rollback", "--to", "0", "--yes"); !strings.Contains(out, "approved by tom for on call") {
		t.Errorf("%s", out)
	}
	c.variables = terminal
	if out := c.slipway(0, "release", "2", "--json"); !strings.Contains(out, `"by": "tom"`) {
		t.Errorf("the record does not say who approved it:\n%s", out)
	}
	if out := c.slipway(2, "rollback", "--to", "1"); !strings.Contains(out, "there is nothing to roll back") { // which is all that it says
		t.Errorf("%s", out)
	}
}
