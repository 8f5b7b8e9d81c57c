package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/ledger"
)

// TestFailedReleaseSaysWhatRuns: after a release that failed, what became of its
// services and what runs now is said in the terminal, the job summary, the record,
// the page and the status. A rollback then goes no further by itself.
func TestFailedReleaseSaysWhatRuns(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	c.release("old")
	c.write("deploy.yaml", strings.NewReplacer("$version", "new", "READY", "process.exit(3)").Replace(cancelledManifest))
	c.slipway(0, "plan", "--images", "images.json")
	plain := c.variables
	c.variables = append(c.variables, "GITHUB_STEP_SUMMARY="+filepath.Join(c.dir, "summary.md"))
	out := c.slipway(1, "apply", "--approval", approvalIn(c.T, filepath.Join(c.dir, "outputs")))
	c.variables = plain
	c.slipway(0, "release", "2", "--html", "report.html")
	const runs = "runs #1; #2 failed and was rolled back"
	for where, text := range map[string]string{
		"terminal": out, "summary": strings.ReplaceAll(read(t, filepath.Join(c.dir, "summary.md")), "<!-- -->", ""), "page": read(t, filepath.Join(c.dir, "report.html")), "status": c.slipway(0, "status"),
	} {
		if !strings.Contains(text, c.environment+" "+runs) {
			t.Errorf("the %s does not say what runs:\n%s", where, text)
		}
		if where != "status" && !strings.Contains(text, "1 service failed") {
			t.Errorf("the %s does not say what became of the service:\n%s", where, text)
		}
	}
	var status struct{ Release, State, Runs, Summary string }
	if err := json.Unmarshal([]byte(c.slipway(0, "status", "--json")), &status); err != nil || status.Runs != c.environment+" #1" || status.Release != c.environment+" #2" || status.State != "failed" || status.Summary != runs {
		t.Errorf("%+v, %v", status, err)
	}
	var record ledger.Record
	if err := json.Unmarshal([]byte(c.slipway(0, "release", "2", "--json")), &record); err != nil || record.Outcomes["web"] != "failed" {
		t.Errorf("%+v, %v", record.Outcomes, err)
	}
	c.slipway(2, "rollback")
	if got := c.version(); got != "old" {
		t.Errorf("%q runs", got)
	}
}
