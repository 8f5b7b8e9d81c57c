package gatekeeper

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ours "github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

const (
	repository = "acme/platform"
	secret     = "correct-horse-battery-staple"
)

var commit = strings.Repeat("c0ffee", 7)[:40]

var file = []byte(`version: 1
name: acme
environments:
  production:
    namespace: acme
    overlay: deploy
    gate:
      workflow: .github/workflows/production.yml
      checks: [{name: test}]
      approvals:
        - {name: leadership, teams: [leadership]}
        - {name: incident response, environment: production-oncall, users: [tom]}
      rollback: {workflow: .github/workflows/rollback.yml, approvals: [{name: oncall, users: [tom]}]}
      unreviewed:
        - {environment: production-plan, workflow: .github/workflows/production.yml}
        - {environment: production-watch, workflow: .github/workflows/watch.yml}
        - {environment: staging, workflow: .github/workflows/staging.yml}
        - {environment: staging, workflow: .github/workflows/rollback.yml}
  staging: {namespace: acme-staging, overlay: deploy}
services:
  - {name: gateway, path: services/gateway, port: 3000}
`)

// scene is a keeper before GitHub, with a run that may release. Tests break one thing.
type scene struct {
	t      *testing.T
	hub    *github.Server
	keeper *Keeper
	url    string // of the webhook
	key    *rsa.PrivateKey
	now    time.Time
	log    bytes.Buffer
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, now: time.Now(), hub: testenv.GitHub(t, allowed())}
	s.key, s.keeper = appOf(t, s.hub), nil
	s.open(filepath.Join(t.TempDir(), "gate.db"))
	return s
}

// allowed is a GitHub where run 77 may ask for a release.
func allowed() *github.Hub {
	h, no := github.New(repository), false
	h.Change(func(k *github.Known) {
		k.Runs[77] = &github.Run{
			ID: 77, Attempt: 1, SHA: commit, Branch: "main", Path: ".github/workflows/production.yml", Event: "workflow_dispatch",
			Actor: "alice", Waiting: []string{"production"},
		}
		for _, name := range []string{"production", "production-oncall", "production-rollback"} {
			k.Environments[name] = &github.Environment{
				Name: name, Users: []string{"tom"}, PreventSelfReview: true, AdminsBypass: &no, Policy: github.CustomBranches, Branches: []string{"main"},
			}
		}
		k.Checks = []github.Check{{SHA: commit, Name: "test", App: "github-actions", Conclusion: "success", Completed: time.Now()}}
	})
	return h
}

func appOf(t testing.TB, hub *github.Server) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	hub.Change(func(k *github.Known) { k.AppKey = &key.PublicKey })
	return key
}

func pemOf(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

// open starts the keeper on a queue.
func (s *scene) open(queue string) {
	s.t.Helper()
	app, err := ours.NewApp(s.hub.URL, 12, pemOf(s.key))
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := platform.Parse("slipway.yaml", file)
	if err != nil {
		s.t.Fatal(err)
	}
	s.keeper, err = Open(Options{
		App: app, Repository: repository, Platform: p, Secrets: []string{"the-one-before-this-one", secret}, Queue: queue,
		Log: slog.New(slog.NewJSONHandler(&s.log, nil)), Again: 50 * time.Millisecond,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	server := httptest.NewServer(s.keeper.Webhook())
	s.url = server.URL + "/webhook"
	ctx, stop := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.keeper.Decide(ctx); err != nil {
			s.t.Error(err)
		}
	}()
	s.t.Cleanup(func() {
		server.Close()
		stop()
		<-done
		_ = s.keeper.Close()
	})
}

func (s *scene) hook() github.Hook {
	return github.Hook{Run: 77, Deployment: 9, Environment: "production", SHA: commit, Created: s.now}
}

// send delivers a webhook and wants an answer.
func (s *scene) send(hook github.Hook, want int) {
	s.t.Helper()
	status, err := s.hub.Deliver(s.t.Context(), s.url, secret, hook)
	if err != nil || status != want {
		s.t.Fatalf("the webhook was answered %d, %v, and not %d", status, err, want)
	}
}

// decisions waits for so many of them.
func (s *scene) decisions(n int) []github.Decision {
	s.t.Helper()
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if found := s.hub.Decisions(); len(found) >= n {
			return found
		}
	}
	s.t.Fatalf("decisions: %+v, and not %d", s.hub.Decisions(), n)
	return nil
}

func TestDecides(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		breaks func(*github.Known)
		hook   func(*github.Hook)
		state  string
		says   string
	}{
		"allowed":                {nil, nil, "approved", "This run may begin"},
		"environment of a group": {func(k *github.Known) { k.Runs[77].Waiting = []string{"production-oncall"} }, func(h *github.Hook) { h.Environment = "production-oncall" }, "approved", "may begin"},
		"rollback": {func(k *github.Known) { // it waits for no check
			runs(".github/workflows/rollback.yml", "workflow_dispatch", "production-rollback")(k)
			k.Checks = nil
		}, into("production-rollback"), "approved", "may begin"},
		"rollback by schedule":               {runs(".github/workflows/rollback.yml", "schedule", "production-rollback"), into("production-rollback"), "rejected", "run/event"},
		"rollback with the release's secret": {runs(".github/workflows/rollback.yml", "workflow_dispatch", "production"), nil, "rejected", "only .github/workflows/production.yml releases"},
		"release with the rollback's":        {runs(".github/workflows/production.yml", "workflow_dispatch", "production-rollback"), into("production-rollback"), "rejected", "only .github/workflows/rollback.yml rolls back"},
		"rollback that nobody reviews": {func(k *github.Known) {
			runs(".github/workflows/rollback.yml", "workflow_dispatch", "production-rollback")(k)
			k.Environments["production-rollback"].Users = nil
		}, into("production-rollback"), "rejected", "no required reviewers"},
		"plan":                     {runs(".github/workflows/production.yml", "workflow_dispatch", "production-plan"), into("production-plan"), "approved", "may begin"},
		"plan of another workflow": {runs(".github/workflows/mine.yml", "workflow_dispatch", "production-plan"), into("production-plan"), "rejected", "only .github/workflows/production.yml uses this environment"},
		"plan of another branch": {func(k *github.Known) {
			runs(".github/workflows/production.yml", "push", "production-plan")(k)
			k.Runs[77].Branch = "feature"
		}, into("production-plan"), "rejected", "run/branch"},
		"watch":                    {runs(".github/workflows/watch.yml", "schedule", "production-watch"), into("production-watch"), "approved", "may begin"},
		"watch for a pull request": {runs(".github/workflows/watch.yml", "pull_request_target", "production-watch"), into("production-watch"), "rejected", "run/event"},
		"staging":                  {runs(".github/workflows/staging.yml", "push", "staging"), into("staging"), "approved", "may begin"},
		"staging goes back":        {runs(".github/workflows/rollback.yml", "workflow_dispatch", "staging"), into("staging"), "approved", "may begin"},
		"staging's of another one": {runs(".github/workflows/production.yml", "workflow_dispatch", "staging"), into("staging"), "rejected", "rollback.yml uses this environment, .github/workflows/staging.yml uses"},

		"another workflow": {func(k *github.Known) { k.Runs[77].Path = ".github/workflows/mine.yml" }, nil, "rejected", "run/workflow"},
		"another branch":   {func(k *github.Known) { k.Runs[77].Branch = "feature" }, nil, "rejected", "run/branch"},
		"another event":    {func(k *github.Known) { k.Runs[77].Event = "pull_request_target" }, nil, "rejected", "run/event"},
		"pull request of a fork": {func(k *github.Known) {
			runs(".github/workflows/pull-request.yml", "pull_request", "production-plan")(k)
			k.Runs[77].Fork = "mallory/platform"
		}, into("production-plan"), "rejected", "its code is of mallory/platform"},
		"staging for a fork": {func(k *github.Known) {
			runs(".github/workflows/staging.yml", "pull_request", "staging")(k)
			k.Runs[77].Fork = "mallory/platform"
		}, into("staging"), "rejected", "run/event"},
		"another commit":       {nil, func(h *github.Hook) { h.SHA = strings.Repeat("1", 40) }, "rejected", "run/commit"},
		"no such run":          {nil, func(h *github.Hook) { h.Run = 78 }, "", ""},
		"unknown environment":  {nil, func(h *github.Hook) { h.Environment = "рroduction" }, "rejected", "no gate for"}, // a Cyrillic р
		"no reviewers":         {func(k *github.Known) { k.Environments["production"].Users = nil }, nil, "rejected", "no required reviewers"},
		"bypass":               {func(k *github.Known) { k.Environments["production-oncall"].AdminsBypass = nil }, nil, "rejected", "may bypass"},
		"check failed":         {func(k *github.Known) { k.Checks[0].Conclusion = "failure" }, nil, "rejected", "checks/test"},
		"check of another app": {func(k *github.Known) { k.Checks[0].App = "mallory" }, nil, "rejected", "no check test"},
		"rejected by a person": {func(k *github.Known) {
			k.Runs[77].Reviews = []github.Review{{User: "tom", State: "rejected", Comment: "not today", Environments: []string{"production-oncall"}}}
		}, nil, "rejected", "not today"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			if tt.breaks != nil {
				s.hub.Change(tt.breaks)
			}
			hook := s.hook()
			if tt.hook != nil {
				tt.hook(&hook)
			}
			s.send(hook, http.StatusAccepted)
			if tt.state == "" { // GitHub knows nobody to tell
				s.empties()
				return
			}
			if d := s.decisions(1)[0]; d.State != tt.state || !strings.Contains(d.Comment, tt.says) || d.Environment != hook.Environment || d.Run != hook.Run {
				t.Errorf("%+v", d)
			}
			s.empties()
			s.send(hook, http.StatusOK) // again: nothing happens
			s.empties()
			if all := s.hub.Decisions(); len(all) != 1 {
				t.Errorf("decided again: %+v", all)
			}
		})
	}
}

// runs makes the run be of a workflow, and wait for an environment.
func runs(path, event, environment string) func(*github.Known) {
	return func(k *github.Known) {
		k.Runs[77].Path, k.Runs[77].Event, k.Runs[77].Waiting = path, event, []string{environment}
	}
}

func into(environment string) func(*github.Hook) {
	return func(h *github.Hook) { h.Environment = environment }
}

// empties waits until nothing is open.
func (s *scene) empties() {
	s.t.Helper()
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		open, err := s.keeper.queue.open()
		if err == nil && len(open) == 0 {
			return
		}
		if time.Now().After(until) {
			s.t.Fatalf("open: %+v, %v\n%s", open, err, s.log.String())
		}
	}
}

// What may change by itself is waited for, and said once.
func TestWaits(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.hub.Change(func(k *github.Known) { k.Checks[0].Conclusion = "" })
	s.send(s.hook(), http.StatusAccepted)
	if d := s.decisions(1)[0]; d.State != "" || !strings.Contains(d.Comment, "in_progress") {
		t.Errorf("%+v", d)
	}
	asked, _ := s.hub.Requests()
	for more := asked; len(more) < len(asked)+12; more, _ = s.hub.Requests() { // it looks again, and again
		time.Sleep(10 * time.Millisecond)
	}
	s.hub.Change(func(k *github.Known) { k.Checks[0].Conclusion = "success" })
	if all := s.decisions(2); len(all) != 2 || all[1].State != "approved" {
		t.Errorf("%+v", all)
	}
	if s.hub.Unchanged() < 6 { // what it asks again does not count against the limit
		t.Errorf("%d answers were told to be the same", s.hub.Unchanged())
	}
}

// A limit of requests that is used up is left alone until it begins anew.
func TestLimitIsRespected(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"while it looks": "/actions/runs/77", "while it tells": "/deployment_protection_rule"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: path, Status: 403, Reset: 1800}} })
			s.send(s.hook(), http.StatusAccepted)
			for until := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				r, err := s.keeper.queue.get(9)
				if err == nil && r != nil && time.Until(r.Next) > 25*time.Minute {
					break
				}
				if time.Now().After(until) {
					t.Fatalf("it is looked at again at %+v, %v", r, err)
				}
			}
			before, _ := s.hub.Requests()
			time.Sleep(300 * time.Millisecond) // several times as long as it waits without a limit
			if after, _ := s.hub.Requests(); len(after) != len(before) {
				t.Errorf("asked meanwhile: %q", after[len(before):])
			}
		})
	}
}

// Nobody waits for longer than a plan lasts.
func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.hub.Change(func(k *github.Known) { k.Checks[0].Conclusion = "" })
	if err := s.keeper.queue.put(&Request{Deployment: 9, Run: 77, Environment: "production", SHA: commit, Installation: 5, Received: s.now.Add(-patience - time.Minute), Waits: "checks/test", Reports: 1}); err != nil {
		t.Fatal(err)
	}
	s.keeper.rouse()
	s.empties()
	if d := s.hub.Decisions(); len(d) != 1 || d[0].State != "rejected" || !strings.Contains(d[0].Comment, "checks/test: it is in_progress") {
		t.Errorf("%+v", d)
	}
}

// Nothing is decided by guessing while GitHub is away, or does not take its own tokens.
func TestGitHubIsDown(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]github.Fault{
		"down":               {Path: "/actions/runs/77", Status: 502, Times: 9},
		"token expired":      {Path: "/actions/runs/77", Status: 401, Times: 2},
		"no token":           {Path: "/access_tokens", Status: 500, Times: 2},
		"not installed":      {Path: "/access_tokens", Status: 404, Times: 2}, // suspended for a moment
		"decision not taken": {Path: "/deployment_protection_rule", Status: 502, Times: 2},
		"malformed":          {Path: "/environments/production", Body: `{"id": 1`, Times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.hub.Change(func(k *github.Known) { k.Faults = []github.Fault{fault} })
			s.send(s.hook(), http.StatusAccepted)
			s.empties()
			var states []string
			for _, d := range s.hub.Decisions() {
				if d.State != "" {
					states = append(states, d.State)
				}
			}
			if fmt.Sprint(states) != "[approved]" {
				t.Errorf("%v", s.hub.Decisions())
			}
		})
	}
}

// A decision that was kept but perhaps not told is told, and not made again; one
// that GitHub has already is not told twice.
func TestAfterACrash(t *testing.T) {
	t.Parallel()
	for name, told := range map[string]bool{"before it was told": false, "after it was told": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.hub.Change(func(k *github.Known) {
				k.Runs[77].Branch = "feature" // decided anew, it would be rejected
				if told {
					k.Runs[77].Waiting = nil
				}
			})
			if err := s.keeper.queue.put(&Request{Deployment: 9, Run: 77, Environment: "production", SHA: commit, Installation: 5, Received: s.now, State: "approved", Comment: "kept"}); err != nil {
				t.Fatal(err)
			}
			s.keeper.rouse()
			s.empties()
			found := s.hub.Decisions()
			if told != (len(found) == 0) || !told && (found[0].State != "approved" || found[0].Comment != "kept") {
				t.Errorf("%+v", found)
			}
		})
	}
}

// Whoever is not GitHub, or not in time, changes nothing.
func TestRefuses(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	body := func(change func(*github.Hook)) []byte {
		hook := s.hook()
		if change != nil {
			change(&hook)
		}
		b, err := s.hub.Body(hook)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, tt := range map[string]struct {
		body   []byte
		secret string
		change func(*http.Request)
		want   int
	}{
		"forged":                  {body(nil), "guessed-by-a-stranger", nil, 401},
		"empty secret":            {body(nil), "", nil, 401},
		"no signature":            {body(nil), secret, func(r *http.Request) { r.Header.Del("X-Hub-Signature-256") }, 401},
		"old kind of signature":   {body(nil), secret, func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", "sha1=00") }, 401},
		"changed on its way":      {append(body(nil), ' '), secret, func(r *http.Request) { github.Sign(r, "deployment_protection_rule", "x", secret, body(nil)) }, 401},
		"oversized":               {bytes.Repeat([]byte("x"), mostBody+1), secret, nil, 413},
		"an hour and more ago":    {body(func(h *github.Hook) { h.Created = s.now.Add(-61 * time.Minute) }), secret, nil, 400},
		"from the future":         {body(func(h *github.Hook) { h.Created = s.now.Add(6 * time.Minute) }), secret, nil, 400},
		"another repository":      {body(func(h *github.Hook) { h.Repository = "mallory/platform" }), secret, nil, 403},
		"no deployment":           {body(func(h *github.Hook) { h.Deployment = 0 }), secret, nil, 400},
		"no run":                  {body(func(h *github.Hook) { h.Run = 0 }), secret, nil, 400},
		"no JSON":                 {[]byte(`{"action": `), secret, nil, 400},
		"JSON of others":          {[]byte(`[]`), secret, nil, 400},
		"as a form":               {body(nil), secret, func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, 415},
		"read":                    {nil, secret, func(r *http.Request) { r.Method = http.MethodGet }, 405},
		"another path":            {body(nil), secret, func(r *http.Request) { r.URL.Path = "/metrics" }, 404},
		"another event":           {body(nil), secret, func(r *http.Request) { r.Header.Set("X-GitHub-Event", "ping") }, 200},
		"another action":          {[]byte(`{"action":"created"}`), secret, nil, 200},
		"callback elsewhere":      {bytes.Replace(body(nil), []byte("actions/runs/77"), []byte("actions/runs/77/../78"), 1), secret, nil, 400},
		"callback of another":     {bytes.Replace(body(nil), []byte("repos/acme/platform/actions"), []byte("repos/acme/other/actions"), 1), secret, nil, 400},
		"number that is too long": {bytes.Replace(body(nil), []byte("runs/77/"), []byte("runs/9999999999999999999/"), 1), secret, nil, 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/webhook", bytes.NewReader(tt.body))
			github.Sign(r, "deployment_protection_rule", "d-"+name, tt.secret, tt.body)
			if tt.change != nil {
				tt.change(r)
			}
			w := httptest.NewRecorder()
			s.keeper.Webhook().ServeHTTP(w, r)
			text, _ := io.ReadAll(w.Body)
			if w.Code != tt.want || strings.Contains(string(text), secret) {
				t.Errorf("%d %s", w.Code, text)
			}
		})
	}
	if open, err := s.keeper.queue.open(); err != nil || len(open) != 0 || len(s.hub.Decisions()) != 0 {
		t.Errorf("%+v, %v, %+v", open, err, s.hub.Decisions())
	}
}

func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]string{nil, {""}, {"short"}, {secret, "short"}} {
		if _, err := Open(Options{Secrets: secrets, Queue: filepath.Join(t.TempDir(), "q")}); err == nil {
			t.Errorf("%q are taken", secrets)
		}
	}
	if _, err := ours.NewApp("", 1, []byte("no key")); err == nil {
		t.Error("no key is taken")
	}
}

// What is remembered is forgotten in the end, long after the webhook would be
// refused for its age.
func TestForgets(t *testing.T) {
	t.Parallel()
	q, err := openQueue(filepath.Join(t.TempDir(), "q"))
	if err != nil {
		t.Fatal(err)
	}
	defer q.db.Close()
	now := time.Now()
	for id, age := range map[int64]time.Duration{1: 0, 2: kept + time.Hour} {
		if err := q.done(&Request{Deployment: id, Received: now.Add(-age)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.forget(now); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[int64]bool{1: false, 2: true} {
		if added, err := q.add(&Request{Deployment: id, Received: now}); err != nil || added != want {
			t.Errorf("%d: %t, %v", id, added, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	h := github.New(repository)
	now := time.Now()
	body, err := h.Body(github.Hook{Run: 77, Deployment: 9, Environment: "production", SHA: commit, Created: now})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte(`{"action":"requested"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, refused := read("deployment_protection_rule", body, repository, now)
		if r != nil && (refused != nil || r.Run < 1 || r.Deployment < 1 || r.Installation < 1 || r.Environment == "") {
			t.Errorf("%+v, %v", r, refused)
		}
	})
}
