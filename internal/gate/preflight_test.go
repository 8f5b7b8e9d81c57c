package gate_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/gate"
	ours "github.com/teei/slipway/internal/github"
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
		k.Commits.Analysed = []string{before, commit}
		k.Changed = []string{"services/web/main.ts", "docs/api/web.md", "CHANGELOG.md"}
		k.Commits.Patches = map[string]string{"CHANGELOG.md": "@@ -1,3 +1,7 @@\n # Changes\n \n+## 1.4.0\n+\n+- The web answers.\n+\n ## 1.3.0\n"}
	})
	root := t.TempDir()
	write(t, filepath.Join(root, "CHANGELOG.md"), "# Changes\n\n## 1.4.0\n\n- The web answers.\n\n## 1.3.0\n")
	c := &gate.Checklist{
		GitHub: s.question.GitHub, Platform: &platform.Platform{Root: root, Database: &platform.Database{}}, Plan: s.question.Plan,
		Evidence: s.question.Evidence, Before: before, By: "alice", Link: "https://github.com/acme/platform/actions/runs/77", Now: s.question.Now,
		Gate: &platform.Gate{
			Branch: "main", Promotes: &platform.Promotes{Environment: "staging", Key: ledger.PublicKey(signingKey)},
			Performance: &platform.Performance{Result: "load.json", Budget: map[string]float64{"http.p95_ms": 300, "errors": 0.01}},
			Checks:      []platform.RequiredCheck{{Name: "test", App: "github-actions"}, {Name: "load", App: "k6"}},
			Security:    "high", Documentation: []string{"docs/**"}, DocumentationLabel: "no-docs", Notes: "CHANGELOG.md", Backup: platform.Duration{Duration: time.Hour},
			Window:   &platform.Window{Zone: "UTC", Weekly: []string{"mon-sun 00:00-24:00"}},
			Waivable: []string{"documentation", "notes"},
		},
	}
	c.Plan.From, c.Plan.Migrator = "staging #41", image("migrate")
	c.Plan.Services = []plan.Service{{Name: "web", After: image("web"), Changed: true}}
	c.Evidence.Items = append(c.Evidence.Items, plan.Item{Kind: plan.Backup, Name: "postgres", SHA256: strings.Repeat("d", 64), At: c.Now.Add(-10 * time.Minute), Passed: true, Detail: "23 tables"})
	write(t, filepath.Join(root, "load.json"), `{"commit": "`+commit+`", "errors": 0, "http": {"p95_ms": 240.5}}`)
	c.Platform.Variables = []platform.Variable{{Name: "API_KEY", RotateEvery: platform.Duration{Duration: 90 * 24 * time.Hour}}, {Name: "SALT"}}
	c.Kept = gate.Kept{
		Now:  map[string]ledger.Variable{"API_KEY": {Hash: "new", Since: c.Now}, "SALT": {Hash: "salt", Since: c.Now.Add(-2000 * time.Hour)}},
		Last: map[string]ledger.Variable{"API_KEY": {Hash: "old", Since: c.Now.Add(-3000 * time.Hour)}, "SALT": {Hash: "salt", Since: c.Now.Add(-2000 * time.Hour)}},
	}
	c.ExpectChanged = []string{"API_KEY"}
	c.Getenv, c.Stands = onCall(t, c.Gate), stands("success", nil)
	c.Record = filepath.Join(root, "record.json")
	signed(t, c, signingKey, func(*ledger.Record) {})
	return c, s
}

// onCall is a service of schedules, and what the environment says of it.
func onCall(t testing.TB, g *platform.Gate) func(string) string {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Token token=abc" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"oncalls": [{"user": {"summary": "Tom Berg"}}]}`)
	}))
	t.Cleanup(service.Close)
	g.OnCall = &platform.OnCall{URL: "ONCALL_URL", Authorization: "ONCALL_KEY", Path: "oncalls.0.user.summary"}
	return func(name string) string {
		return map[string]string{"ONCALL_URL": service.URL + "/oncalls", "ONCALL_KEY": "Token token=abc", "OTHER_KEY": "Token token=b", "NOWHERE": "http://127.0.0.1:1/secret"}[name]
	}
}

func TestOnCall(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ask  platform.OnCall
		says string
		ok   bool
	}{
		"by path":          {platform.OnCall{URL: "ONCALL_URL", Authorization: "ONCALL_KEY", Path: "oncalls.0.user.summary"}, "Tom Berg is on call", true},
		"by pattern":       {platform.OnCall{URL: "ONCALL_URL", Authorization: "ONCALL_KEY", Matches: `"summary": "([^"]+)"`}, "Tom Berg is on call", true},
		"nobody":           {platform.OnCall{URL: "ONCALL_URL", Authorization: "ONCALL_KEY", Path: "oncalls.1.user.summary"}, "nobody who is on call", false},
		"not who is meant": {platform.OnCall{URL: "ONCALL_URL", Authorization: "ONCALL_KEY", Path: "oncalls.0.user.summary", Matches: "^Vera"}, "nobody who is on call", false},
		"refused":          {platform.OnCall{URL: "ONCALL_URL", Authorization: "OTHER_KEY"}, "answered 401", false},
		"no key":           {platform.OnCall{URL: "ONCALL_URL", Authorization: "NO_KEY"}, "NO_KEY is empty", false},
		"no address":       {platform.OnCall{URL: "NO_URL"}, "NO_URL holds no address", false},
		"does not answer":  {platform.OnCall{URL: "NOWHERE"}, "127.0.0.1:1 does not answer", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := checklist(t)
			c.Gate.OnCall = &tt.ask
			findings, err := gate.Preflight(t.Context(), *c)
			if err != nil {
				t.Fatal(err)
			}
			f := findings[slices.IndexFunc(findings, func(f plan.Finding) bool { return f.ID == "on-call" })]
			if (f.Status == plan.Pass) != tt.ok || !strings.Contains(f.Text, tt.says) || strings.Contains(f.Text, "secret") {
				t.Errorf("%+v", f)
			}
		})
	}
}

// A label of the commit's pull request says that there is nothing to document.
func TestDocumentationLabel(t *testing.T) {
	t.Parallel()
	c, s := checklist(t)
	s.hub.Change(func(k *github.Known) { k.Changed, k.Commits.Labels = k.Changed[2:], []string{"bug", "No-Docs"} })
	findings, err := gate.Preflight(t.Context(), *c)
	if failed := plan.Failed(findings); err != nil || len(failed) > 0 {
		t.Errorf("%+v, %v", failed, err)
	}
}

func signed(t testing.TB, c *gate.Checklist, key ed25519.PrivateKey, change func(*ledger.Record)) {
	t.Helper()
	r := &ledger.Record{Number: 41, Environment: "staging", State: ledger.Released, Source: commit, Migrator: image("migrate"), Images: map[string]string{"web": image("web")}, Verdict: "1 service runs what was released", By: ledger.Holder{Run: "https://github.com/acme/platform/actions/runs/76"}}
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
		// Each has what shows it: a page of its own, or the run that looked.
		own := slices.Contains([]string{"promotes", "checks/test", "checks/load", "security", "documentation", "notes"}, f.ID)
		if f.Link == "" || own && f.Link == c.Link {
			t.Errorf("%s has the link %q", f.ID, f.Link)
		}
		if f.Text == "" {
			t.Errorf("%s says nothing", f.ID)
		}
	}
	if got := strings.Join(ids, " "); got != "promotes checks/test checks/load performance security documentation notes variables rotation backup rollback-plan window on-call" {
		t.Errorf("looked at %s", got)
	}
	requests, _ := s.hub.Requests()
	t.Logf("%d requests in %s", len(requests), time.Since(began))
}

// A commit that changed nothing in staging is promoted as the release that stands there.
func TestPromotesTheSame(t *testing.T) {
	t.Parallel()
	c, _ := checklist(t)
	signed(t, c, signingKey, func(r *ledger.Record) { r.Source, r.Same = before, []string{commit} })
	findings, err := gate.Preflight(t.Context(), *c)
	if failed := plan.Failed(findings); err != nil || len(failed) > 0 {
		t.Errorf("%+v, %v", failed, err)
	}
}

// The draft of a release is as good as a section of the changelog.
func TestDraftOfARelease(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{"of the branch": "main", "of the commit": commit} {
		for _, notes := range []string{"", "NEWS.md"} {
			t.Run(name+notes, func(t *testing.T) {
				t.Parallel()
				c, s := checklist(t)
				c.Gate.Notes, c.Gate.NotesDraft = notes, true
				s.hub.Change(func(k *github.Known) {
					k.Releases = []github.Release{{Tag: "v1.5.0", Name: "1.5.0, faster", Draft: true, Target: target, Body: "# 1.5.0\n\n- The web answers.\n"}}
				})
				findings, err := gate.Preflight(t.Context(), *c)
				if err != nil || len(plan.Failed(findings)) > 0 {
					t.Fatalf("%+v, %v", plan.Failed(findings), err)
				}
				i := slices.IndexFunc(findings, func(f plan.Finding) bool { return f.ID == "notes" })
				if f := findings[i]; f.Text != "the draft of release 1.5.0, faster has 1 lines" || f.Link == "" {
					t.Errorf("%+v", f)
				}
			})
		}
	}
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
		"staging was accepted as it was found": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, signingKey, func(r *ledger.Record) { r.Accepted = &ledger.Acceptance{By: ledger.Holder{Person: "mara"}} })
		}, "promotes", "staging #41 did not end by itself: mara accepted it"},
		"staging of another platform": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, signingKey, func(r *ledger.Record) { r.Platform = "blog" })
		}, "promotes", "staging #41 is of platform blog, and this is"},
		"a Secret that nobody has made": {func(_ *testing.T, c *gate.Checklist, _ *scene) {
			c.Plan.Missing = []plan.Missing{{ID: "Secret/shop/late", Key: "token", For: []string{"Deployment/shop/web"}}, {ID: "Secret/shop/tls", For: []string{"Deployment/shop/web"}, By: "Certificate/shop/tls"}}
		}, "references", "not there and in no manifest: key token of Secret/shop/late, for Deployment/shop/web"},
		"another release": {func(_ *testing.T, c *gate.Checklist, _ *scene) { c.Plan.From = "staging #40" }, "promotes", "the plan promotes staging #40"},
		"another image": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, signingKey, func(r *ledger.Record) { r.Images["web"] = image("old") })
		}, "promotes", "web would run r.example/web"},
		"an image nobody tested": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, signingKey, func(r *ledger.Record) { r.Images = nil })
		}, "promotes", "ran none"},
		"another migrator": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, signingKey, func(r *ledger.Record) { r.Migrator = image("old") })
		}, "promotes", image("migrate") + " would migrate, and staging #41 was migrated by " + image("old")},
		"a migrator nobody tested": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, signingKey, func(r *ledger.Record) { r.Migrator = "" })
		}, "promotes", "was migrated by none"},
		"main has moved since": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, signingKey, func(r *ledger.Record) { r.Source, r.Same = before, []string{strings.Repeat("b", 40)} })
		}, "promotes", "staging #41 is of commit 111111111111, and the plan of c0ffeec0ffee"},
		"another one runs in staging by now": {func(_ *testing.T, c *gate.Checklist, _ *scene) { c.Stands = stands("inactive", nil) }, "promotes", "staging #41 was released, and GitHub shows it as inactive by now"},
		"GitHub does not show it":            {func(_ *testing.T, c *gate.Checklist, _ *scene) { c.Stands = stands("", nil) }, "promotes", "GitHub shows it as none"},
		"what stands there is unknown": {func(_ *testing.T, c *gate.Checklist, _ *scene) {
			c.Stands = stands("success", &ours.Error{Doing: "read", Reason: "GitHub is away", Advice: "later"})
		}, "promotes", "GitHub is away"},
		"staging was of no commit": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			signed(t, c, signingKey, func(r *ledger.Record) { r.Source = "" })
		}, "promotes", "staging #41 is of commit none"},
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
		"an error of quality":   {hub(func(k *github.Known) { k.Alerts[0].Severity = "error" }), "security", "1 open alerts at high or above"},
		"a warning of quality": {func(_ *testing.T, c *gate.Checklist, s *scene) {
			c.Gate.Security = "medium"
			s.hub.Change(func(k *github.Known) {
				k.Alerts[0].Severity = "warning"
				k.Alerts = append(k.Alerts, github.Alert{Number: 3, State: "open", Severity: "note", Rule: "js/x", Path: "c.ts"})
			})
		}, "security", "1 open alerts at medium or above, such as js/log"},
		"no code scanning": {fault2(github.Fault{Path: "/code-scanning/", Status: 404}), "security", "GitHub answered 404"},
		"not scanned":      {hub(func(k *github.Known) { k.Commits.Analysed = []string{before}; k.Alerts = nil }), "security", "code scanning has not analysed c0ffee"},
		"scanning failed":  {hub(func(k *github.Known) { k.Commits.Analysed, k.Commits.Failed = nil, []string{commit} }), "security", "has not analysed c0ffee"},
		"too slow": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			write(t, filepath.Join(c.Platform.Root, "load.json"), `{"commit": "`+commit+`", "errors": 0.02, "http": {"p95_ms": 301}}`)
		}, "performance", "errors is 0.02, more than 0.01, http.p95_ms is 301, more than 300"},
		"a number is missing": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			write(t, filepath.Join(c.Platform.Root, "load.json"), `{"commit": "`+commit+`", "errors": 0, "http": {"p95_ms": "240"}}`)
		}, "performance", "load.json has no number http.p95_ms"},
		"a load test of another commit": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			write(t, filepath.Join(c.Platform.Root, "load.json"), `{"commit": "`+before+`", "errors": 0, "http": {"p95_ms": 1}}`)
		}, "performance", "load.json is of commit 111111111111"},
		"no load test": {func(_ *testing.T, c *gate.Checklist, _ *scene) { c.Gate.Performance.Result = "none.json" }, "performance", "no such file"},
		"load check failed": {func(_ *testing.T, c *gate.Checklist, _ *scene) {
			c.Gate.Performance = &platform.Performance{Check: "unrelated", App: "github-actions"}
		}, "performance", "it is completed failure"},
		"old notes": {hub(func(k *github.Known) {
			k.Commits.Patches["CHANGELOG.md"] = "@@ -9,1 +9,2 @@\n+- What was forgotten in 1.3.0.\n"
		}), "notes", "nothing was written into the first section of CHANGELOG.md, 1.4.0, since 111111111111"},
		"notes of another": {hub(func(k *github.Known) { k.Changed[2] = "MY-CHANGELOG.md" }), "notes", "nothing was written"},
		"an old secret": {func(_ *testing.T, c *gate.Checklist, _ *scene) {
			c.Kept.Now["API_KEY"] = ledger.Variable{Hash: "new", Since: c.Now.Add(-91 * 24 * time.Hour)}
		}, "rotation", "API_KEY is 91 days old, more than 90 days"},
		"the same secret": {func(_ *testing.T, c *gate.Checklist, _ *scene) {
			c.Kept.Now["API_KEY"] = ledger.Variable{Hash: "old", Since: c.Now}
		}, "rotation", "API_KEY is what it was at the last release"},
		"an unknown secret": {func(_ *testing.T, c *gate.Checklist, _ *scene) { c.Kept.Last = nil }, "rotation", "of API_KEY the last release kept no hash"},
		"a label and no pull request that was merged": {hub(func(k *github.Known) {
			k.Changed, k.Commits.Labels, k.Commits.Unmerged = k.Changed[2:], []string{"no-docs"}, true
		}), "documentation", "is labelled no-docs"},
		"nothing documented": {hub(func(k *github.Known) { k.Changed[1] = "services/docs/main.ts" }), "documentation", "none of docs/** changed since 111111111111"},
		"cannot compare": {func(_ *testing.T, c *gate.Checklist, s *scene) {
			c.Gate.Notes = ""
			s.hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/compare/", Status: 404}} })
		}, "documentation", "GitHub answered 404"},
		"no changelog": {func(t *testing.T, c *gate.Checklist, _ *scene) { c.Gate.Notes = "NEWS.md" }, "notes", "there is no NEWS.md"},
		"empty section": {func(t *testing.T, c *gate.Checklist, _ *scene) {
			write(t, filepath.Join(c.Platform.Root, "CHANGELOG.md"), "# C\n\n## 1.5.0\n\n<!-- todo -->\n\n## 1.4.0\n- old\n")
		}, "notes", "1.5.0, is empty"},
		"no draft of a release": {func(_ *testing.T, c *gate.Checklist, s *scene) {
			c.Gate.Notes, c.Gate.NotesDraft = "NEWS.md", true
			s.hub.Change(func(k *github.Known) {
				k.Releases = []github.Release{{Tag: "v1.4.0", Body: "- It was published."}, {Tag: "v2", Draft: true, Target: "next", Body: "- Of another branch."}, {Tag: "v1.5.0", Draft: true, Body: "# 1.5.0\n\n<!-- todo -->\n"}}
			})
		}, "notes", "there is no NEWS.md; no draft of a release of main says anything"},
		"drafts cannot be read": {func(_ *testing.T, c *gate.Checklist, s *scene) {
			c.Gate.Notes, c.Gate.NotesDraft = "", true
			s.hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/releases", Status: 403}} })
		}, "notes", "GitHub answered 403"},
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

// stands is what GitHub shows of staging #41.
func stands(state string, err error) func(context.Context, string) (string, error) {
	return func(_ context.Context, release string) (string, error) {
		if release != "staging #41" {
			return "", errors.New("asked for " + release)
		}
		return state, err
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
	s.hub.Change(func(k *github.Known) { k.Changed = k.Changed[2:] })
	c.Waivers = map[string]gate.Waive{"documentation": {Why: "only a typo"}, "notes": {Why: "not needed, and it passes"}}
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
	for span, until := range map[time.Duration]time.Time{2 * time.Hour: c.Now.Add(2 * time.Hour).UTC().Truncate(time.Second), 48 * time.Hour: c.Evidence.Expires} {
		c.Waivers = map[string]gate.Waive{"documentation": {Why: "only a typo", For: span}}
		findings, err := gate.Preflight(t.Context(), *c)
		if i := slices.IndexFunc(findings, func(f plan.Finding) bool { return f.ID == "documentation" }); err != nil || !findings[i].Waiver.Until.Equal(until) {
			t.Errorf("for %s: %+v, %v", span, findings, err)
		}
	}
	for _, name := range []string{"security", "checks/test"} {
		c.Waivers = map[string]gate.Waive{name: {Why: "we are in a hurry"}}
		if _, err := gate.Preflight(t.Context(), *c); !errors.As(err, new(*platform.UsageError)) || !strings.Contains(err.Error(), name) {
			t.Errorf("%v", err)
		}
	}
}

// One of several is waived by its own name, and the others stay as they are.
func TestWaivesOne(t *testing.T) {
	t.Parallel()
	c, s := checklist(t)
	c.Gate.Waivable = []string{"checks"}
	c.Waivers = map[string]gate.Waive{"checks/load": {Why: "its server is away"}}
	s.hub.Change(func(k *github.Known) { k.Checks[0].Conclusion, k.Checks[1].Conclusion = "failure", "failure" })
	findings, err := gate.Preflight(t.Context(), *c)
	if failed := plan.Failed(findings); err != nil || len(failed) != 1 || failed[0].ID != "checks/test" {
		t.Errorf("%+v, %v", failed, err)
	}
	if i := slices.IndexFunc(findings, func(f plan.Finding) bool { return f.Status == plan.Waived }); findings[i].ID != "checks/load" || findings[i].Waiver.Why != "its server is away" {
		t.Errorf("%+v", findings)
	}
}
