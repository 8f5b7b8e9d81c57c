package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

const commentedEnvironment = `kubeconfig: TEST_KUBECONFIG, github: {environment: production, deployments: true},
    gate: {workflow: .github/workflows/production.yml, comments: true, approvals: [{name: leadership, users: [vera]}]}}`

// inJob is a checkout in a job of a workflow, with its GitHub: people approve there by
// comments.
func inJob(t *testing.T) (*checkout, *github.Server) {
	t.Helper()
	hub := testenv.GitHub(t, github.New("acme/platform"))
	c := newCheckout(t)
	c.write("slipway.yaml", strings.Replace(anothersRepository["slipway.yaml"], "kubeconfig: TEST_KUBECONFIG}", commentedEnvironment, 1))
	c.write("deploy.yaml", strings.ReplaceAll(cancelledManifest, "$version", "new"))
	run(t, c.dir, "git", "init", "--quiet", "--initial-branch=main")
	run(t, c.dir, "git", "add", "slipway.yaml", "deploy.yaml", "images.json")
	run(t, c.dir, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--no-gpg-sign", "--message=shop")
	sha := strings.TrimSpace(run(t, c.dir, "git", "rev-parse", "HEAD"))
	hub.Change(func(k *github.Known) {
		k.Runs[77] = &github.Run{ID: 77, Attempt: 1, SHA: sha, Branch: "main", Path: ".github/workflows/production.yml", Event: "workflow_dispatch", Actor: "alice"}
	})
	c.variables = append(c.variables, "GITHUB_ACTIONS=true", "GITHUB_RUN_ID=77", "GITHUB_RUN_ATTEMPT=1", "GITHUB_REPOSITORY=acme/platform", "GITHUB_SERVER_URL=https://github.com",
		"GITHUB_API_URL="+hub.URL, "GITHUB_TOKEN=hub-token", "GITHUB_STEP_SUMMARY="+filepath.Join(c.dir, "summary"))
	return c, hub
}

var digestIn = regexp.MustCompile(`/approve ([0-9a-f]{12})`)

// Approved by a comment, and released while GitHub is away: the release goes on and
// is recorded, and whoever comes next shows it.
func TestGitHubIsAway(t *testing.T) {
	t.Parallel()
	c, hub := inJob(t)
	c.slipway(0, "plan", "--images", "images.json")
	if out := c.slipway(0, "preflight"); !strings.Contains(out, "people approve at ") {
		t.Errorf("nobody is asked:\n%s", out)
	}
	if out := c.slipway(1, "gate"); !strings.Contains(out, "0 of 1 approved it") {
		t.Errorf("approved by nobody:\n%s", out)
	}
	said := time.Now().UTC().Truncate(time.Second)
	hub.Change(func(k *github.Known) {
		digest := digestIn.FindString(k.Issues[0].Body)
		k.Issues[0].Comments = append(k.Issues[0].Comments, github.Comment{User: "vera", Body: digest, Created: said})
	})
	var answer gate.Answer
	out := c.slipway(0, "gate", "--json")
	if err := json.NewDecoder(strings.NewReader(out[strings.Index(out, "{"):])).Decode(&answer); err != nil || len(answer.Approvals) != 1 || answer.Approvals[0].By != "vera" || !answer.Approvals[0].Seen.Equal(said) {
		t.Errorf("%v: %s", err, out)
	}
	hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/deployments", Status: 502}} })
	if out := c.slipway(0, "apply", "--approval", answer.Digest); !strings.Contains(out, "#1 released") || !strings.Contains(out, "! GitHub does not show it: ") {
		t.Errorf("it does not say so:\n%s", out)
	}
	book, err := ledger.Open(kubetest.Cluster(t), c.owner())
	if err != nil {
		t.Fatal(err)
	}
	if r, err := book.Release(t.Context(), 1); err != nil || r.State != ledger.Released || r.Approval != answer.Digest || len(r.Approvals) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if made := hub.Deployments(); len(made) > 0 {
		t.Errorf("%+v", made)
	}
	hub.Change(func(k *github.Known) { k.Faults = nil })
	c.slipway(0, "watch")
	if made := hub.Deployments(); len(made) != 1 || len(made[0].Statuses) != 1 || made[0].Statuses[0].State != "success" || !strings.Contains(made[0].Statuses[0].Description, "approved by vera as "+answer.Digest[:12]) {
		t.Errorf("%+v", made)
	}
	summary, err := os.ReadFile(filepath.Join(c.dir, "summary"))
	if err != nil || strings.Count(string(summary), "### Gate") != 2 || strings.Count(string(summary), "### Approved\n\n<code>"+answer.Digest) != 2 || !strings.Contains(string(summary), said.Format("2006-01-02 15:04:05 MST")) {
		t.Errorf("%v\n%s", err, summary)
	}
	page := filepath.Join(c.dir, "report.html")
	c.slipway(0, "release", "1", "--html", page)
	if text, err := os.ReadFile(page); err != nil || !bytes.Contains(text, []byte("vera")) {
		t.Errorf("%v", err)
	}
}

// GitHub goes away in the middle of the rollout, all of it, or hangs: the release
// goes on and is recorded, and what GitHub missed is shown by whoever comes next.
func TestGitHubGoesAway(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]github.Fault{"down": {Path: "/", Status: 502}, "hangs": {Path: "/", Delay: time.Hour}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, hub := inJob(t)
			c.slipway(0, "plan", "--images", "images.json")
			c.slipway(0, "preflight")
			hub.Change(func(k *github.Known) {
				k.Issues[0].Comments = append(k.Issues[0].Comments, github.Comment{User: "vera", Body: digestIn.FindString(k.Issues[0].Body), Created: time.Now()})
			})
			c.slipway(0, "gate")
			written := make(chan bool)
			go func() {
				defer close(written)
				for t.Context().Err() == nil {
					if _, err := testenv.TryKubectl(t, "--namespace", c.namespace, "get", "deployment", "web"); err == nil {
						hub.Change(func(k *github.Known) { k.Faults = []github.Fault{fault} })
						return
					}
				}
			}()
			out := c.slipway(0, "apply", "--approval", approvalIn(t, filepath.Join(c.dir, "outputs")))
			<-written
			if !strings.Contains(out, "#1 released") || !strings.Contains(out, "! GitHub does not show it: ") {
				t.Errorf("it does not say so:\n%s", out)
			}
			book, err := ledger.Open(kubetest.Cluster(t), c.owner())
			if err != nil {
				t.Fatal(err)
			}
			if r, err := book.Release(t.Context(), 1); err != nil || r.State != ledger.Released || len(r.Approvals) != 1 {
				t.Errorf("%+v, %v", r, err)
			}
			hub.Change(func(k *github.Known) { k.Faults = nil })
			c.slipway(0, "watch")
			made := hub.Deployments()
			if len(made) != 1 || made[0].Statuses[len(made[0].Statuses)-1].State != "success" {
				t.Fatalf("%+v", made)
			}
			// What people approved, and on what, is with the deployment.
			payload, err := json.Marshal(made[0].Payload)
			if err != nil || !strings.Contains(string(payload), `"by":"vera"`) || !strings.Contains(string(payload), `"approval":"`) || !strings.Contains(string(payload), `"kind":"preflight"`) {
				t.Errorf("%s, %v", payload, err)
			}
		})
	}
}

// All is set up, and the doctor says so.
func TestDoctorIsContent(t *testing.T) {
	h := github.New("acme/platform")
	no := false
	h.Change(func(k *github.Known) {
		for name, users := range map[string][]string{"production": {"tom"}, "production-rollback": {"tom"}, "production-plan": nil, "production-watch": nil} {
			k.Environments[name] = &github.Environment{Name: name, Users: users, PreventSelfReview: true, AdminsBypass: &no, Policy: github.CustomBranches, Branches: []string{"main"}}
		}
		k.Protected["main"] = true
	})
	hub := testenv.GitHub(t, h)
	dir := t.TempDir()
	file := strings.NewReplacer("overlay: deploy", "overlay: .", "path: services/gateway", "path: .").Replace(gatePlatform) + "watch: {onBreach: dispatch}\n"
	if err := os.WriteFile(filepath.Join(dir, "slipway.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"GITHUB_API_URL": hub.URL, "GITHUB_TOKEN": "x", "GITHUB_ACTIONS": ""} {
		t.Setenv(name, value)
	}
	look := func() (int, string) {
		var out bytes.Buffer
		code := action.Execute(context.Background(), command(), []string{"doctor", "--github", "--env", "production", "--repository", "acme/platform", "--root", dir}, &out, &out)
		return code, out.String()
	}
	if code, out := look(); code != action.OK || strings.Count(out, "✓ ") != 8 || strings.Contains(out, "✗") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/dispatches", Status: 403, Times: 1}} })
	if code, out := look(); code != action.Failed || !strings.Contains(out, "✗ dispatch: ") || !strings.Contains(out, "permissions: {actions: write}") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	hub.Change(func(k *github.Known) { delete(k.Environments, "production-watch") })
	if code, out := look(); code != action.Failed || !strings.Contains(out, "✗ environment/production-watch: it is not there") || !strings.Contains(out, "1 finding") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}
