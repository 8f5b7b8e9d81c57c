package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/testenv/testenv"
)

// TestAdoptAndPlanOnly: what kubectl made is taken over once somebody says so,
// and a plan of one service leaves the rest out.
func TestAdoptAndPlanOnly(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	says := func(out string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("it does not say %q:\n%s", text, out)
			}
		}
	}
	second := strings.NewReplacer("name: web}", "name: jobs}", "app: web", "app: jobs", "8080", "8081").Replace(cancelledManifest)
	c.write("slipway.yaml", strings.Replace(anothersRepository["slipway.yaml"], "services:\n", "services:\n  - {name: jobs, port: 8081, health: /health, image: {reference: \"example.invalid/jobs@sha256:"+strings.Repeat("b", 64)+"\"}}\n", 1))
	manifests := strings.ReplaceAll(cancelledManifest+"---"+second, "$version", "old")
	c.write("deploy.yaml", manifests)
	testenv.Kubectl(t, "--namespace", c.namespace, "create", "--filename", filepath.Join(c.dir, "deploy.yaml"))

	says(c.slipway(2, "adopt"), "Deployment/"+c.namespace+"/web", "kubectl-create", "nobody agreed", "slipway adopt --env")
	c.write("deploy.yaml", strings.ReplaceAll(manifests, "value: \"old\"", "value: \"new\""))
	says(c.slipway(1, "plan", "--images", "images.json"), "is owned by kubectl-create", "`slipway adopt --env")
	says(c.slipway(0, "adopt", "--yes"), "slipway owns these fields of 2 objects now")
	says(c.slipway(0, "adopt", "--yes"), "there is nothing to adopt")

	says(c.slipway(2, "plan", "--images", "images.json", "--only", "wbe"), "wbe")
	says(c.slipway(0, "plan", "--images", "images.json", "--only", "web"), "Deployment/"+c.namespace+"/jobs")
	says(c.slipway(0, "apply", "--approval", approvalIn(t, filepath.Join(c.dir, "outputs"))), "released: 1 service")
	if got := testenv.Kubectl(t, "--namespace", c.namespace, "get", "deployments", "--output", "jsonpath={range .items[*]}{.metadata.name}={.spec.template.spec.containers[0].env[0].value} {end}"); got != "jobs=old web=new " {
		t.Errorf("there is %s", got)
	}
}

// TestApplyRestores: a release whose migration stays and whose service does not
// start takes application and database back by itself, where its plan says so,
// and tells what that loses before it does.
func TestApplyRestores(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	c := newCheckout(t, "DATABASE_URL="+url)
	c.migrates("ALTER TABLE orders ADD COLUMN colour text", "  onFailure: restore\n")
	query(t, url, `CREATE TABLE orders (item text); INSERT INTO orders VALUES ('one'), ('two')`)
	c.write("deploy.yaml", strings.NewReplacer("$version", "broken", "process.on", "process.exit(1); process.on").Replace(cancelledManifest))
	backup, now := c.backup(url), time.Now()
	if err := (report.Report{Platform: "shop", Target: c.environment, Backup: &backup, Started: &now}).WriteJSON(filepath.Join(c.dir, "report.json")); err != nil {
		t.Fatal(err)
	}
	if out := c.slipway(0, "plan", "--images", "images.json", "--report", "report.json"); !strings.Contains(out, "the database goes back to the backup and loses what was written since") {
		t.Errorf("the plan does not say what a failure does:\n%s", out)
	}
	query(t, url, `INSERT INTO orders VALUES ('three')`)
	out := c.slipway(1, "apply", "--approval", approvalIn(t, filepath.Join(c.dir, "outputs")))
	t.Cleanup(func() { dropKept(url, databaseName(t, url)+"_replaced_1") })
	loss, back := strings.Index(out, "going back to the backup loses writes, an estimate: "), strings.Index(out, "the database is the backup again")
	if loss < 0 || back < loss {
		t.Errorf("what is lost is not told before:\n%s", out)
	}
	if got := query(t, url, `SELECT string_agg(column_name, ' ') FROM information_schema.columns WHERE table_name = 'orders'`); got != "item" {
		t.Errorf("the table has %s", got)
	}
	if got := query(t, url, `SELECT count(*)::text FROM orders`); got != "2" {
		t.Errorf("%s rows", got)
	}
	if out := c.slipway(0, "release", "1", "--json"); !strings.Contains(out, `"state": "failed"`) || !strings.Contains(out, "going back to the backup loses writes") {
		t.Errorf("the record does not have it:\n%s", out)
	}
}
