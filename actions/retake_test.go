package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

// gatedDatabase is a platform whose backups may be five minutes old.
var gatedDatabase = strings.Replace(anothersRepository["slipway.yaml"], "kubeconfig: TEST_KUBECONFIG}", `
    kubeconfig: TEST_KUBECONFIG,
    gate: {
      workflow: .github/workflows/production.yml, backup: 5m, rollbackPlan: "https://wiki.example.org/rollback",
      approvals: [{name: leadership, environment: production, users: [vera]}]}}`, 1) +
	"database: {migrate: pnpm db:migrate, migrations: migrations}\n"

// TestBackupIsTakenAgain: people decided for longer than the backup may be old.
// The gate says so, and only a newer one is released with; nobody approves anew.
func TestBackupIsTakenAgain(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	c := newCheckout(t, "DATABASE_URL="+url)
	c.write("slipway.yaml", gatedDatabase)
	c.write("migrations/meta/_journal.json", `{"version": "7", "dialect": "postgresql", "entries": []}`)
	c.write("deploy.yaml", strings.ReplaceAll(cancelledManifest, "$version", "one"))
	query(t, url, `CREATE TABLE orders (item text)`)
	run(t, c.dir, "git", "init", "--quiet", "--initial-branch=main")
	run(t, c.dir, "git", "add", "slipway.yaml")
	run(t, c.dir, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--no-gpg-sign", "--message=shop")
	hub := hubOf(t, strings.TrimSpace(run(t, c.dir, "git", "rev-parse", "HEAD")))
	hub.Change(func(k *github.Known) { k.Environments["production"].Users = []string{"vera"} })
	c.variables = append(c.variables, "GITHUB_RUN_ID=77", "GITHUB_RUN_ATTEMPT=1", "GITHUB_API_URL="+hub.URL, "GITHUB_TOKEN=hub-token", "GITHUB_REPOSITORY=acme/platform")

	c.reports("first.json", c.backup(url))
	c.slipway(0, "plan", "--images", "images.json", "--report", "first.json")
	c.slipway(0, "preflight")
	folder := filepath.Join(c.dir, ".slipway", "plan")
	p, evidence, err := plan.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	old := evidence.Item(plan.Backup, "")
	old.At = old.At.Add(-10 * time.Minute) // people took their time
	digest, err := plan.Approval(p, evidence)
	if err != nil || plan.Write(folder, p, evidence) != nil {
		t.Fatal(err)
	}
	if err := hub.Review(77, github.Review{User: "vera", State: "approved", Comment: digest[:12], Environments: []string{"production"}}); err != nil {
		t.Fatal(err)
	}
	if out := c.slipway(1, "gate"); !strings.Contains(out, "old by now, more than 5m0s") {
		t.Errorf("%s", out)
	}
	if out := c.slipway(0, "gate", "--retake"); !strings.Contains(out, "the backup has to be taken again before the release") || c.output("backup") != "old" {
		t.Errorf("%s", out)
	}
	c.slipway(1, "apply", "--approval", digest)
	c.reports("second.json", c.backup(url))
	if c.slipway(0, "gate", "--retake", "--backup", "second.json"); c.output("backup") != "fresh" {
		t.Error("a new backup is not taken for one")
	}
	c.slipway(0, "apply", "--approval", digest, "--backup", "second.json")
	if out := c.slipway(0, "release", "1", "--json"); strings.Count(out, `"kind": "backup"`) != 2 || !strings.Contains(out, `"approval": "`+digest) {
		t.Errorf("the record does not have both:\n%s", out)
	}
}

// reports writes the report of a run of ci that took a backup now.
func (c *checkout) reports(name string, b report.Backup) {
	c.Helper()
	now := time.Now()
	if err := (report.Report{Platform: "shop", Target: c.environment, Started: &now, Backup: &b}).WriteJSON(filepath.Join(c.dir, name)); err != nil {
		c.Fatal(err)
	}
}

// output is the newest value of an output.
func (c *checkout) output(name string) string {
	c.Helper()
	data, err := os.ReadFile(filepath.Join(c.dir, "outputs"))
	if err != nil {
		c.Fatal(err)
	}
	_, last, _ := strings.Cut(string(data)[strings.LastIndex(string(data), "\n"+name+"<<")+1:], "\n")
	value, _, _ := strings.Cut(last, "\n")
	return value
}
