package main

import (
	"bufio"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/notify"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

const gatedPlatform = `
version: 1
name: shop
services:
  - {name: web, port: 8080, health: /health, image: {reference: "IMAGE"}}
manifests: {files: [deploy.yaml]}
verify: {settle: 0s}
registry: registry.example/shop
variables: [{name: API_KEY, minLength: 8}]
environments:
  staging: {namespace: shop-staging}
  ENVIRONMENT:
    namespace: NAMESPACE
    github: {environment: production, deployments: true, url: "https://shop.example.org"}
    notify: [{name: stakeholders, url: HOOK, secret: HOOK_KEY, on: [waiting, started, released]}]
    gate:
      workflow: .github/workflows/production.yml
      promotes: {environment: staging, key: PUBLIC_KEY}
      checks: [{name: test}]
      security: high
      notes: CHANGELOG.md
      waivable: [notes]
      approvals:
        - {name: leadership, environment: production, teams: [leadership]}
        - {name: incident response, environment: production-oncall, users: [tom]}
`

// production is a repository whose production workflow is run, with its GitHub.
type production struct {
	*testing.T
	dispatch               github.Dispatch
	hub                    *github.Server
	environment, namespace string
	ledger                 *ledger.Ledger
	told                   chan string      // events that stakeholders were told of
	staged                 func(sha string) // signs staging's record of a commit
}

func newProduction(t *testing.T) *production {
	t.Helper()
	return productionOf(t, gatedPlatform, ledger.Record{})
}

// productionOf is one of a platform of its own; tested is what else staging's record says.
func productionOf(t *testing.T, file string, tested ledger.Record) *production {
	t.Helper()
	p := &production{T: t, environment: testenv.Environment(t), namespace: testenv.Namespace(t)}
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	image := nodeImage(t)
	repository, slipway, artifacts := t.TempDir(), t.TempDir(), t.TempDir()
	workflow, err := os.ReadFile("../.github/workflows/production.yml")
	if err != nil {
		t.Fatal(err)
	}
	replace := strings.NewReplacer("ENVIRONMENT", p.environment, "NAMESPACE", p.namespace, "PUBLIC_KEY", ledger.PublicKey(key), "IMAGE", image)
	for name, text := range map[string]string{
		// The sandbox has one ledger of a name, and tests each want their own.
		".github/workflows/production.yml": strings.NewReplacer("env: production,", "env: "+p.environment+",", "--env production", "--env "+p.environment).Replace(string(workflow)),
		"slipway.yaml":                     replace.Replace(file),
		"deploy.yaml":                      strings.Replace(anothersRepository["deploy.yaml"], "node:22-bookworm-slim", image, 1),
		"CHANGELOG.md":                     "# Changes\n\n## Next\n\n- The web answers.\n",
	} {
		file := filepath.Join(repository, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, repository, "git", "init", "--quiet", "--initial-branch=main")
	run(t, repository, "git", "remote", "add", "origin", "https://github.com/acme/platform.git")
	run(t, repository, "git", "add", "--all")
	run(t, repository, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--no-gpg-sign", "--message=shop")
	sha := strings.TrimSpace(run(t, repository, "git", "rev-parse", "HEAD"))
	run(t, "..", "cp", "-R", "action.yml", "go.mod", "go.sum", "actions", "internal", "ci", slipway)

	if err := os.MkdirAll(filepath.Join(artifacts, "record"), 0o755); err != nil {
		t.Fatal(err)
	}
	tested.Number, tested.Environment, tested.State, tested.Verdict = 41, "staging", ledger.Released, "1 service runs what was released"
	tested.Images = map[string]string{"web": image}
	p.staged = func(sha string) {
		t.Helper()
		tested.Source = sha
		if err := tested.WriteSigned(filepath.Join(artifacts, "record", "record.json"), key); err != nil {
			t.Fatal(err)
		}
	}
	p.staged(sha)
	kubeconfig, err := os.ReadFile(testenv.Env(t)["KUBECONFIG"])
	if err != nil {
		t.Fatal(err)
	}
	standins, err := filepath.Abs("../testenv/github/actions")
	if err != nil {
		t.Fatal(err)
	}
	p.hub = hubOf(t, sha)
	var variables []string
	p.told, variables = stakeholders(t)
	p.dispatch = github.Dispatch{
		Act: testenv.Tool(t, "github.com/nektos/act", "v0.2.89"), Repository: repository, Slipway: slipway, Artifacts: artifacts,
		Standins: standins, Workflow: ".github/workflows/production.yml", API: p.hub.URL, Run: 77, Actor: "alice", Cache: t.TempDir(),
		Inputs:    map[string]string{"from": "staging#41", "record": "76", "root": "."},
		Secrets:   map[string]string{"GITHUB_TOKEN": "hub-token", "KUBECONFIG": string(kubeconfig), "VARIABLES": strings.Join(append(variables, "API_KEY=only-production-has-this"), "\n") + "\n"},
		Variables: map[string]string{"SLIPWAY_GATE_WAIT": "5m"},
	}
	if p.ledger, err = ledger.Open(kubetest.Cluster(t), platform.Owner{Platform: "shop", Environment: p.environment, Namespace: p.namespace}); err != nil {
		t.Fatal(err)
	}
	return p
}

// stakeholders hear of releases by webhook; the variables say where.
func stakeholders(t *testing.T) (told chan string, variables []string) {
	t.Helper()
	told = make(chan string, 100)
	const key = "key-of-the-hook"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m notify.Message
		if err := json.Unmarshal(body, &m); err != nil || r.Header.Get(notify.SignatureHeader) != "sha256="+notify.Sign(body, key) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		told <- m.Event
	}))
	t.Cleanup(s.Close)
	return told, []string{"HOOK=" + s.URL + "/secret-address", "HOOK_KEY=" + key}
}

// heard is what they were told of so far.
func heard(told chan string) string {
	var events []string
	for len(told) > 0 {
		events = append(events, <-told)
	}
	return strings.Join(events, " ")
}

// nodeImage is the sandbox's Node.js.
func nodeImage(t testing.TB) string { return imageOf(t, "node", "22-bookworm-slim") }

// imageOf is one of the sandbox by its digest: a release knows no tags.
func imageOf(t testing.TB, name, tag string) string {
	t.Helper()
	registry, _, _ := strings.Cut(testenv.Env(t)["SLIPWAY_REGISTRY"], "/")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://"+registry+"/v2/library/"+name+"/manifests/"+tag, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "application/vnd.docker.distribution.manifest.v2+json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return registry + "/library/" + name + "@" + answer.Header.Get("Docker-Content-Digest")
}

func hubOf(t testing.TB, sha string) *github.Server {
	t.Helper()
	h := github.New("acme/platform")
	no := false
	h.Change(func(k *github.Known) {
		k.Runs[77] = &github.Run{
			ID: 77, Attempt: 1, SHA: sha, Branch: "main", Path: ".github/workflows/production.yml", Event: "workflow_dispatch", Actor: "alice",
			Waiting: []string{"production", "production-oncall"},
		}
		for name, e := range map[string]github.Environment{"production": {Teams: []string{"leadership"}}, "production-oncall": {Users: []string{"tom"}}} {
			e.Name, e.PreventSelfReview, e.AdminsBypass, e.Policy, e.Branches = name, true, &no, github.CustomBranches, []string{"main"}
			k.Environments[name] = &e
		}
		k.Teams["acme/leadership"] = map[string]string{"vera": "active"}
		k.Commits.Analysed = []string{sha}
		k.Checks = []github.Check{{SHA: sha, Name: "test", App: "github-actions", Conclusion: "success", Completed: time.Now()}}
	})
	return testenv.GitHub(t, h)
}

var toApprove = regexp.MustCompile(`to approve: ([0-9a-f]{64})`)

// run runs the workflow; when the digest to approve is known, people decide.
func (p *production) run(decide func(digest string)) (output string, err error) {
	p.Helper()
	decided := false
	return p.follow(func(line string) {
		if m := toApprove.FindStringSubmatch(line); m != nil && !decided {
			decided = true
			decide(m[1])
		}
	})
}

// follow runs the workflow; it goes on once each line was heard.
func (p *production) follow(hear func(line string)) (output string, err error) {
	p.Helper()
	cmd, err := p.dispatch.Command(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	return follow(p.T, cmd, hear)
}

// follow runs act and returns what the workflow said.
func follow(t *testing.T, cmd *exec.Cmd, hear func(line string)) (output string, err error) {
	t.Helper()
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		writer.Close()
		ended <- err
	}()
	var out strings.Builder
	for lines := bufio.NewReader(reader); ; {
		line, failed := lines.ReadString('\n')
		var entry struct{ Msg string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg != "" {
			line = entry.Msg + "\n"
		}
		out.WriteString(line)
		hear(line)
		if failed != nil {
			return out.String(), <-ended
		}
	}
}

// commit is what the repository has now.
func (p *production) commit(message string) {
	p.Helper()
	run(p.T, p.dispatch.Repository, "git", "add", "--all")
	run(p.T, p.dispatch.Repository, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--allow-empty", "--no-gpg-sign", "--message="+message)
}

// knows makes GitHub know the newest commit, as one that passed, that staging
// released and that this run is of.
func (p *production) knows() {
	p.Helper()
	sha := strings.TrimSpace(run(p.T, p.dispatch.Repository, "git", "rev-parse", "HEAD"))
	p.staged(sha)
	p.hub.Change(func(k *github.Known) {
		r := *k.Runs[77]
		r.ID, r.SHA, r.Reviews = p.dispatch.Run, sha, nil
		k.Runs[r.ID] = &r
		k.Commits.Analysed, k.Checks[0].SHA = []string{sha}, sha
	})
}

func (p *production) review(user, state, comment string, environments ...string) {
	p.Helper()
	if err := p.hub.Review(p.dispatch.Run, github.Review{User: user, State: state, Comment: comment, Environments: environments}); err != nil {
		p.Error(err)
	}
}

// The production workflow as it is, by act: planned, looked at, approved by two
// people, released; the record knows who.
func TestProduction(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	out, err := p.run(func(digest string) {
		p.review("tom", "approved", "on call, "+digest[:12], "production-oncall")
		p.review("vera", "approved", "ship "+digest[:16], "production")
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	record, err := p.ledger.Release(t.Context(), 1)
	if err != nil || record == nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if record.State != ledger.Released || record.From != "staging #41" || len(record.Approvals) != 2 || record.Approvals[0].By != "vera" || record.Approvals[1].By != "tom" {
		t.Errorf("%+v", record)
	}
	if record.Approval != record.Approvals[0].Digest || len(record.Findings) < 5 {
		t.Errorf("%+v", record)
	}
	if shown := p.hub.Deployments(); len(shown) != 1 || shown[0].Environment != "production" || shown[0].SHA != record.Source ||
		len(shown[0].Statuses) != 2 || shown[0].Statuses[0].State != "in_progress" || shown[0].Statuses[1].State != "success" ||
		!strings.Contains(shown[0].Statuses[1].Description, "approved by vera, tom") || shown[0].Statuses[1].EnvironmentURL != "https://shop.example.org" {
		t.Errorf("GitHub shows %+v", shown)
	}
	if page, err := os.ReadFile(filepath.Join(p.dispatch.Artifacts, "report", "report.html")); err != nil || !strings.Contains(string(page), "vera") {
		t.Errorf("the report: %v", err)
	}
	if got := heard(p.told); got != "waiting started released" || len(record.Told) != 2 {
		t.Errorf("stakeholders were told of %s, and the ledger has %+v", got, record.Told)
	}
	if strings.Contains(out, "outside of the deployment window") {
		t.Error("a window that nobody waived was overridden")
	}
	for _, secret := range []string{"only-production-has-this", "hub-token", "secret-address", "key-of-the-hook"} {
		if strings.Contains(out, secret) {
			t.Errorf("%s was shown", secret)
		}
	}
}

// builtFolder is where builtOnce puts both programs of the actions.
var builtFolder string

var builtOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "slipway-built-")
	if err != nil {
		return "", err
	}
	builtFolder = dir
	for name, folder := range map[string]string{"slipway": ".", "ci": "../ci"} {
		cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, name), folder)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %s", err, out)
		}
	}
	return dir, nil
})

// installed gives the runner a version of both programs in its tool cache, as one
// has that ran them before; building them for each step takes most of such a test.
func installed(t *testing.T, d github.Dispatch) {
	t.Helper()
	built, err := builtOnce()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(d.Tools(), "slipway", "v0.0.0", runtime.GOARCH)
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(built, folder); err != nil {
		t.Fatal(err)
	}
	for _, sources := range []string{"internal", "ci", "go.sum"} { // act copies all of it for each step
		if err := os.RemoveAll(filepath.Join(d.Slipway, sources)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(d.Slipway, "actions", "slipway.version"), []byte("v0.0.0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Rejected, or not as it was planned: nothing is released, and the reason is told.
func TestProductionRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(*production)
		decide  func(p *production, digest string)
		says    string
	}{
		"rejected": {nil, func(p *production, digest string) {
			p.review("tom", "approved", digest[:12], "production-oncall")
			p.review("vera", "rejected", "not on a Friday", "production")
		}, "vera rejected it: not on a Friday"},
		"changed after the approval": {nil, func(p *production, digest string) {
			p.review("tom", "approved", digest[:12], "production-oncall")
			testenv.Kubectl(p, "--namespace", p.namespace, "create", "service", "clusterip", "web", "--tcp=80:8080")
			p.review("vera", "approved", digest[:12], "production")
		}, "is refused"},
		"the code moved after the approval": {nil, func(p *production, digest string) {
			p.review("tom", "approved", digest[:12], "production-oncall")
			p.review("vera", "approved", digest[:12], "production")
			p.commit("nobody has seen this")
		}, " is checked out"},
		"the window is closed": {func(p *production) {
			file := filepath.Join(p.dispatch.Repository, "slipway.yaml")
			closed := strings.Replace(read(p, file), "      security: high\n", "      security: high\n      window: {zone: Europe/Oslo, weekly: [mon-sun 00:00-24:00], freezes: [{from: '2000-01-01', to: '2999-12-31', why: nobody is there}]}\n", 1)
			if err := os.WriteFile(file, []byte(closed), 0o600); err != nil {
				p.Fatal(err)
			}
			p.commit("closed")
			p.knows()
		}, nil, "window: nothing is released from 2000-01-01 to 2999-12-31: nobody is there"},
		"hostile input": {func(p *production) {
			p.dispatch.Inputs["from"] = "staging#41\n::set-output name=approval::x $(touch /tmp/slipway-was-here) `id`"
		}, nil, "--from has a line break in it"},
		"stakeholders do not hear of it": {func(p *production) {
			p.dispatch.Secrets["VARIABLES"] = "API_KEY=only-production-has-this\nHOOK=http://127.0.0.1:1/x\nHOOK_KEY=key-of-the-hook\n"
		}, nil, "notify/stakeholders: notify stakeholders: "},
		"approved by who started it": {func(p *production) { p.dispatch.Variables["SLIPWAY_GATE_WAIT"] = "0s" }, func(p *production, digest string) {
			p.review("tom", "approved", digest[:12], "production-oncall")
			p.hub.Change(func(k *github.Known) { // GitHub itself would not take it
				k.Runs[77].Reviews = append(k.Runs[77].Reviews, github.Review{User: "alice", State: "approved", Comment: digest[:12], Environments: []string{"production"}})
			})
		}, "alice started this run, and nobody approves their own"},
		"the approver left the team": {func(p *production) { p.dispatch.Variables["SLIPWAY_GATE_WAIT"] = "0s" }, func(p *production, digest string) {
			p.review("tom", "approved", digest[:12], "production-oncall")
			p.review("vera", "approved", digest[:12], "production")
			p.hub.Change(func(k *github.Known) { delete(k.Teams["acme/leadership"], "vera") })
		}, "vera does not belong to leadership"},
		"the environment lost its reviewers": {nil, func(p *production, digest string) {
			p.review("tom", "approved", digest[:12], "production-oncall")
			p.review("vera", "approved", digest[:12], "production")
			p.hub.Change(func(k *github.Known) { k.Environments["production"].Teams = nil })
		}, "it has no required reviewers"},
		"main moved after staging": {func(p *production) { p.staged(strings.Repeat("0", 40)) }, nil, "promotes: staging #41 is of commit 000000000000"},
		"a check failed": {func(p *production) {
			p.hub.Change(func(k *github.Known) { k.Checks[0].Conclusion = "failure" })
		}, nil, "checks/test: it is completed failure"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProduction(t)
			installed(t, p.dispatch)
			if tt.prepare != nil {
				tt.prepare(p)
			}
			out, err := p.run(func(digest string) {
				if tt.decide != nil {
					tt.decide(p, digest)
				} else {
					t.Error("people were asked")
				}
			})
			if err == nil || !strings.Contains(out, tt.says) {
				t.Errorf("%v\n%s", err, out)
			}
			if records, err := p.ledger.Releases(t.Context()); err != nil || len(records) > 0 {
				t.Errorf("released %+v, %v", records, err)
			}
			if _, err := os.Stat("/tmp/slipway-was-here"); err == nil {
				t.Error("an input was run as a command")
			}
		})
	}
}
