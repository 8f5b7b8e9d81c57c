package main

import (
	"crypto/ed25519"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	jobs "github.com/teei/slipway/actions/workflow"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	publishing "github.com/teei/slipway/internal/publish"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

// askingPlatform is one whose gate asks GitHub for all that it can.
const askingPlatform = `
version: 1
name: shop
services:
  - {name: web, port: 8080, health: /health, image: {reference: "IMAGE"}}
manifests: {files: [deploy.yaml]}
verify: {settle: 0s}
registry: registry.example/shop
environments:
  staging: {namespace: shop-staging, github: {environment: staging, deployments: true}}
  ENVIRONMENT:
    namespace: NAMESPACE
    github: {environment: production, deployments: true}
    gate:
      workflow: .github/workflows/production.yml
      promotes: {environment: staging, key: PUBLIC_KEY}
      checks: [{name: test}, {name: e2e}, {name: typecheck}, {name: lint}, {name: build}]
      performance: {check: load, app: k6}
      security: high
      documentation: ["docs/**"]
      documentationLabel: documented
      notes: NEWS.md
      notesDraft: true
      window: {zone: UTC, weekly: [mon-sun 00:00-24:00]}
      waivable: [window]
      exceptAuthor: true
      approvals:
        - {name: leadership, environment: production, teams: [board, leadership]}
        - {name: incident response, environment: production-oncall, teams: [board, on-call]}
        - {name: override, environment: production-override, teams: [board, leadership], waives: window}
`

// asking is a job of the production workflow, whose steps are processes.
type asking struct {
	testing.TB
	hub             *github.Server
	program, folder string
	env             []string
}

func newAsking(t testing.TB) *asking {
	t.Helper()
	built, err := builtOnce()
	if err != nil {
		t.Fatal(err)
	}
	a := &asking{TB: t, program: filepath.Join(built, "slipway"), folder: t.TempDir()}
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	environment, image := testenv.Environment(t), nodeImage(t)
	replace := strings.NewReplacer("ENVIRONMENT", environment, "NAMESPACE", testenv.Namespace(t), "PUBLIC_KEY", ledger.PublicKey(key), "IMAGE", image)
	for name, text := range map[string]string{
		"slipway.yaml": replace.Replace(askingPlatform), "deploy.yaml": strings.Replace(anothersRepository["deploy.yaml"], "node:22-bookworm-slim", image, 1),
	} {
		if err := os.WriteFile(filepath.Join(a.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, a.folder, "git", "init", "--quiet", "--initial-branch=main")
	run(t, a.folder, "git", "add", "--all")
	run(t, a.folder, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--no-gpg-sign", "--message=shop")
	sha := strings.TrimSpace(run(t, a.folder, "git", "rev-parse", "HEAD"))
	a.hub = hubOf(t, sha)
	a.knows(sha)
	job := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_API_URL": a.hub.URL, "GITHUB_TOKEN": "hub-token", "GITHUB_REPOSITORY": "acme/platform",
	}
	for name, value := range job {
		a.env = append(a.env, name+"="+value)
	}
	a.env = append(a.env, "KUBECONFIG="+testenv.Env(t)["KUBECONFIG"], "SLIPWAY_KUBECONFIG="+testenv.Env(t)["KUBECONFIG"], "ENVIRONMENT="+environment)
	a.staged(&ledger.Record{Number: 41, Environment: "staging", State: ledger.Released, Source: sha, Images: map[string]string{"web": image}}, key, job)
	a.released(environment)
	a.slipway("plan", "--from", "staging#41")
	return a
}

// knows is what GitHub has of a commit that may be released.
func (a *asking) knows(sha string) {
	no := false
	a.hub.Change(func(k *github.Known) {
		for name, team := range map[string]string{"production": "leadership", "production-oncall": "on-call", "production-override": "leadership"} {
			k.Environments[name] = &github.Environment{
				Name: name, Teams: []string{"board", team}, PreventSelfReview: true, AdminsBypass: &no, Policy: github.CustomBranches, Branches: []string{"main"},
			}
		}
		k.Teams["acme/leadership"], k.Teams["acme/on-call"] = map[string]string{"vera": "active"}, map[string]string{"tom": "active"}
		k.Checks = []github.Check{{SHA: sha, Name: "load", App: "k6", Conclusion: "success", Completed: time.Now()}}
		for _, name := range []string{"test", "e2e", "typecheck", "lint", "build"} {
			k.Checks = append(k.Checks, github.Check{SHA: sha, Name: name, App: "github-actions", Conclusion: "success", Completed: time.Now()})
		}
		k.Commits.Author, k.Commits.Labels = "alice", []string{"documented"}
		k.Releases = []github.Release{{Tag: "v2", Draft: true, Body: "- It is faster."}}
	})
}

// staged makes GitHub carry the signed record of staging's release, and show it.
func (a *asking) staged(r *ledger.Record, key ed25519.PrivateKey, job map[string]string) {
	a.Helper()
	client, err := jobs.GitHub(func(name string) string { return job[name] })
	if err != nil {
		a.Fatal(err)
	}
	place := publishing.Place{GitHub: client, Rules: &platform.GitHub{Environment: "staging", Deployments: true}}
	if err := place.Deployments(a.Context(), []*ledger.Record{r}); err != nil {
		a.Fatal(err)
	}
	file := filepath.Join(a.TempDir(), "record.json")
	if err := r.WriteSigned(file, key); err != nil {
		a.Fatal(err)
	}
	if err := place.Sign(a.Context(), r, []byte(read(a, file))); err != nil {
		a.Fatal(err)
	}
}

// released notes that a release of another commit stands, with which this one is compared.
func (a *asking) released(environment string) {
	a.Helper()
	book, err := ledger.Open(kubetest.Cluster(a), platform.Owner{Platform: "shop", Environment: environment})
	if err != nil {
		a.Fatal(err)
	}
	lock, err := book.Acquire(a.Context(), ledger.Holder{Person: "tom"}, ledger.DefaultLease) // which makes its namespace
	if err != nil {
		a.Fatal(err)
	}
	entry, err := book.Add(a.Context(), ledger.Record{Source: strings.Repeat("b", 40)})
	if err == nil {
		err = entry.Close(a.Context(), ledger.Released, "1 service runs what was released")
	}
	if err := errors.Join(err, lock.Release(a.Context())); err != nil {
		a.Fatal(err)
	}
}

// slipway is a step of the job, which has to succeed.
func (a *asking) slipway(args ...string) string {
	a.Helper()
	environment := a.env[len(a.env)-1]
	cmd := exec.CommandContext(a.Context(), a.program, append(args, "--root", a.folder, "--env", strings.TrimPrefix(environment, "ENVIRONMENT="))...)
	cmd.Dir, cmd.Env = a.folder, append(os.Environ(), a.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		a.Fatalf("%s: %v\n%s", args, err, out)
	}
	return string(out)
}

// approve is what both groups do once there is a digest.
func (a *asking) approve(said string) {
	a.Helper()
	m := toApprove.FindStringSubmatch(said)
	if m == nil {
		a.Fatalf("nothing to approve:\n%s", said)
	}
	a.hub.Change(func(k *github.Known) { k.Runs[77].Reviews = nil })
	for user, environment := range map[string]string{"vera": "production", "tom": "production-oncall"} {
		if err := a.hub.Review(77, github.Review{User: user, State: "approved", Comment: m[1][:12], Environments: []string{environment}}); err != nil {
			a.Fatal(err)
		}
	}
}

// asked is how many requests GitHub got so far.
func (a *asking) asked() int {
	requests, _ := a.hub.Requests()
	return len(requests)
}

// mostRequests are those of a preflight and of the gate after it, together.
const mostRequests = 25

// TestRequestsOfTheActions counts what the actions ask, as a workflow runs them: each
// is a process of its own, which knows nothing of what another has asked.
func TestRequestsOfTheActions(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	before := a.asked()
	said := a.slipway("preflight")
	preflight := a.asked() - before
	a.approve(said)
	a.slipway("gate")
	gate := a.asked() - before - preflight
	t.Logf("%d requests of preflight, %d of gate", preflight, gate)
	if preflight+gate > mostRequests || preflight < 5 || gate < 5 {
		requests, _ := a.hub.Requests()
		t.Errorf("%d requests of preflight and %d of gate, together more than %d:\n%s", preflight, gate, mostRequests, strings.Join(requests[before:], "\n"))
	}
}

// mostTime is what both may take where GitHub answers in 50 ms.
const mostTime = 2 * time.Second

// BenchmarkGate is the actions preflight and gate with a GitHub that answers in
// 50 ms. `make load` runs it.
func BenchmarkGate(b *testing.B) {
	a := newAsking(b)
	a.hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/", Delay: 50 * time.Millisecond}} })
	before := a.asked()
	for b.Loop() {
		said := a.slipway("preflight")
		b.StopTimer()
		a.approve(said)
		b.StartTimer()
		a.slipway("gate")
	}
	if each := b.Elapsed() / time.Duration(b.N); each > mostTime {
		b.Errorf("they take %s, more than %s", each, mostTime)
	}
	b.ReportMetric(float64(a.asked()-before)/float64(b.N), "requests/op")
}
