package gate_test

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/github"
)

const before = "1111111111111111111111111111111111111111"

// image is one by digest.
func image(name string) string { return "r.example/" + name + "@sha256:" + strings.Repeat("a", 64) }

var signingKey = ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", ed25519.SeedSize)))

// checklist is one on which all is well, and its scene.
func checklist(t testing.TB) (*gate.Checklist, *scene) {
	t.Helper()
	s := newScene(t)
	s.hub.Change(func(k *github.Known) {
		k.Checks = []github.Check{
			{SHA: commit, Name: "test", App: "github-actions", Conclusion: "success", Completed: time.Now()},
			{SHA: commit, Name: "load", App: "k6", Conclusion: "success", Completed: time.Now()},
			{SHA: commit, Name: "unrelated", App: "github-actions", Conclusion: "failure", Completed: time.Now()},
		}
		k.Alerts = []github.Alert{
			{Number: 1, State: "open", Severity: "medium", Rule: "js/log", Path: "a.ts"},
			{Number: 2, State: "dismissed", Severity: "critical", Rule: "js/zipslip", Path: "b.ts"},
		}
		k.Changed = []string{"services/web/main.ts", "docs/api/web.md"}
	})
	root := t.TempDir()
	write(t, filepath.Join(root, "CHANGELOG.md"), "# Changes\n\n## 1.4.0\n\n- The web answers.\n\n## 1.3.0\n")
	c := &gate.Checklist{
		GitHub: s.question.GitHub, Platform: &platform.Platform{Root: root, Database: &platform.Database{}}, Plan: s.question.Plan,
		Evidence: s.question.Evidence, Before: before, By: "alice", Now: s.question.Now,
		Gate: &platform.Gate{
			Branch: "main", Promotes: &platform.Promotes{Environment: "staging", Key: ledger.PublicKey(signingKey)},
			Checks:   []platform.RequiredCheck{{Name: "test", App: "github-actions"}, {Name: "load", App: "k6"}},
			Security: "high", Documentation: []string{"docs/**"}, Notes: "CHANGELOG.md", Backup: platform.Duration{Duration: time.Hour},
			Window:   &platform.Window{Zone: "UTC", Weekly: []string{"mon-sun 00:00-24:00"}},
			Waivable: []string{"documentation", "notes"},
		},
	}
	c.Plan.From = "staging #41"
	c.Plan.Services = []plan.Service{{Name: "web", After: image("web"), Changed: true}}
	c.Evidence.Items = append(c.Evidence.Items, plan.Item{Kind: plan.Backup, Name: "postgres", SHA256: strings.Repeat("d", 64), At: c.Now.Add(-10 * time.Minute), Passed: true, Detail: "23 tables"})
	c.Record = filepath.Join(root, "record.json")
	signed(t, c, signingKey, func(*ledger.Record) {})
	return c, s
}

func signed(t testing.TB, c *gate.Checklist, key ed25519.PrivateKey, change func(*ledger.Record)) {
	t.Helper()
	r := &ledger.Record{Number: 41, Environment: "staging", State: ledger.Released, Images: map[string]string{"web": image("web")}, Verdict: "1 service runs what was released"}
	change(r)
	if err := r.WriteSigned(c.Record, key); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPreflightPasses(t *testing.T) {
	t.Parallel()
	c, s := checklist(t)
	began := time.Now()
	findings, err := gate.Preflight(t.Context(), *c)
	if err != nil {
		t.Fatal(err)
	}
	if failed := plan.Failed(findings); len(failed) > 0 {
		t.Errorf("%+v", failed)
	}
	var ids []string
	for _, f := range findings {
		ids = append(ids, f.ID)
	}
	if got := strings.Join(ids, " "); got != "promotes checks/test checks/load security documentation notes variables backup rollback-plan window" {
		t.Errorf("looked at %s", got)
	}
	requests, _ := s.hub.Requests()
	t.Logf("%d requests in %s", len(requests), time.Since(began))
}

func TestPreflightFinds(t *testing.T) {
	t.Parallel()
	hub := func(change func(*github.Known)) func(*testing.T, *gate.Checklist, *scene) {
		return func(_ *testing.T, _ *gate.Checklist, s *scene) { s.hub.Change(change) }
	}
	for name, tt := range map[string]struct {
		do       func(*testing.T, *gate.Checklist, *scene)
		id, says string
	}{
		"no record": {func(_ *testing.T, c *gate.Checklist, _ *scene) { c.Record = "" }, "promotes", "there is no record"},
		"record of another key": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, ed25519.NewKeyFromSeed(make([]byte, 32)), func(*ledger.Record) {})
		}, "promotes", "its signature is not that of the key"},
		"record that was edited": {func(t *testing.T, c *gate.Checklist, _ *scene) { edit(t, c.Record, "staging", "stating") }, "promotes", "its signature is not that of the key"},
		"record without signature": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			write(t, c.Record, `{"number": 41, "environment": "staging"}`)
		}, "promotes", "it is no signed record"},
		"record that is no JSON": {func(t *testing.T, c *gate.Checklist, _ *scene) { write(t, c.Record, "{") }, "promotes", "it is no signed record"},
		"of another environment": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, signingKey, func(r *ledger.Record) { r.Environment = "testing" })
		}, "promotes", "testing #41 is not of staging"},
		"staging failed": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, signingKey, func(r *ledger.Record) { r.State = ledger.Failed })
		}, "promotes", "staging #41 is failed"},
		"staging was a rollback": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, signingKey, func(r *ledger.Record) { r.RollbackTo = new(int) })
		}, "promotes", "staging #41 is released"},
		"another release": {func(_ *testing.T, c *gate.Checklist, _ *scene) { c.Plan.From = "staging #40" }, "promotes", "the plan promotes staging #40"},
		"another image": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, signingKey, func(r *ledger.Record) { r.Images["web"] = image("old") })
		}, "promotes", "web would run r.example/web"},
		"an image nobody tested": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, signingKey, func(r *ledger.Record) { r.Images = nil })
		}, "promotes", "ran none"},
		"check failed":            {hub(func(k *github.Known) { k.Checks[0].Conclusion = "failure" }), "checks/test", "it is completed failure"},
		"check still runs":        {hub(func(k *github.Known) { k.Checks[0].Conclusion = "" }), "checks/test", "it is in_progress"},
		"check was skipped":       {hub(func(k *github.Known) { k.Checks[0].Conclusion = "skipped" }), "checks/test", "it is completed skipped"},
		"check of another app":    {hub(func(k *github.Known) { k.Checks[0].App = "mallorys-app" }), "checks/test", "no check test of github-actions ran"},
		"check of another commit": {hub(func(k *github.Known) { k.Checks[0].SHA = before }), "checks/test", "no check test of github-actions ran"},
		"check failed beside one that passed": {hub(func(k *github.Known) {
			k.Checks = append([]github.Check{{SHA: commit, Name: "test", App: "github-actions", Conclusion: "failure"}}, k.Checks...)
		}), "checks/test", "it is completed failure"},
		"checks cannot be read": {fault2(github.Fault{Path: "/check-runs", Status: 500}), "checks", "GitHub answered 500"},
		"high alert":            {hub(func(k *github.Known) { k.Alerts[0].Severity = "high" }), "security", "1 open alerts at high or above, such as js/log in a.ts"},
		"critical alert":        {hub(func(k *github.Known) { k.Alerts[0].Severity = "critical" }), "security", "1 open alerts at high"},
		"no code scanning":      {fault2(github.Fault{Path: "/code-scanning/", Status: 404}), "security", "GitHub answered 404"},
		"nothing documented":    {hub(func(k *github.Known) { k.Changed = []string{"services/docs/main.ts"} }), "documentation", "none of docs/** changed since 111111111111"},
		"cannot compare":        {fault2(github.Fault{Path: "/compare/", Status: 404}), "documentation", "GitHub answered 404"},
		"no changelog":          {func(t *testing.T, c *gate.Checklist, _ *scene) { c.Gate.Notes = "NEWS.md" }, "notes", "there is no NEWS.md"},
		"empty section": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			write(t, filepath.Join(c.Platform.Root, "CHANGELOG.md"), "# C\n\n## 1.5.0\n\n<!-- todo -->\n\n## 1.4.0\n- old\n")
		}, "notes", "1.5.0, is empty"},
		"a variable is missing": {func(_ *testing.T, c *gate.Checklist, _ *scene) { c.Missing = []string{"API_KEY"} }, "variables", "without a value: API_KEY"},
		"no backup":             {func(_ *testing.T, c *gate.Checklist, _ *scene) { c.Evidence.Items = nil }, "backup", "no backup that was restored"},
		"backup not verified":   {func(_ *testing.T, c *gate.Checklist, _ *scene) { c.Evidence.Items[1].Passed = false }, "backup", "no backup that was restored"},
		"backup too old":        {func(_ *testing.T, c *gate.Checklist, _ *scene) { c.Evidence.Items[1].At = c.Now.Add(-2 * time.Hour) }, "backup", "it is 2h0m0s old, more than 1h0m0s"},
		"migrations, no plan":   {func(_ *testing.T, c *gate.Checklist, _ *scene) { c.Plan.Migrations = []plan.Migration{{Name: "0001"}} }, "rollback-plan", "the schema stays migrated"},
		"restore, no plan": {func(_ *testing.T, c *gate.Checklist, _ *scene) {
			c.Plan.Migrations, c.Plan.Restore = []plan.Migration{{Name: "0001"}}, true
		}, "rollback-plan", "what was written since is lost"},
		"window closed": {func(_ *testing.T, c *gate.Checklist, _ *scene) {
			c.Gate.Window.Freezes = []platform.Freeze{{From: "2000-01-01", To: "2999-01-01"}}
		}, "window", "nothing is released from 2000-01-01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := checklist(t)
			tt.do(t, c, s)
			findings, err := gate.Preflight(t.Context(), *c)
			if err != nil {
				t.Fatal(err)
			}
			failed := plan.Failed(findings)
			if len(failed) != 1 || failed[0].ID != tt.id || !strings.Contains(failed[0].Text, tt.says) || failed[0].Advice == "" {
				t.Errorf("%+v", failed)
			}
		})
	}
}

func fault2(f github.Fault) func(*testing.T, *gate.Checklist, *scene) {
	return func(_ *testing.T, _ *gate.Checklist, s *scene) {
		s.hub.Change(func(k *github.Known) { k.Faults = []github.Fault{f} })
	}
}

func edit(t *testing.T, file, old, text string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, strings.Replace(string(data), old, text, 1))
}

func TestWaivers(t *testing.T) {
	t.Parallel()
	c, s := checklist(t)
	s.hub.Change(func(k *github.Known) { k.Changed = nil })
	c.Waivers = map[string]string{"documentation": "only a typo", "notes": "not needed, and it passes"}
	findings, err := gate.Preflight(t.Context(), *c)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		want := plan.Pass
		if f.ID == "documentation" {
			want = plan.Waived
			if f.Waiver == nil || f.Waiver.By != "alice" || f.Waiver.Why != "only a typo" || !f.Waiver.Until.Equal(c.Evidence.Expires) {
				t.Errorf("%+v", f)
			}
		}
		if f.Status != want {
			t.Errorf("%s is %s: %s", f.ID, f.Status, f.Text)
		}
	}
	c.Waivers = map[string]string{"security": "we are in a hurry"}
	if _, err := gate.Preflight(t.Context(), *c); !errors.As(err, new(*platform.UsageError)) || !strings.Contains(err.Error(), "security") {
		t.Errorf("%v", err)
	}
}
