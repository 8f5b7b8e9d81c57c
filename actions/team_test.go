package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

// teamPlatform is a platform with a service, a check and a database, and the way
// that a team's change goes: staging, production, and back.
const teamPlatform = `
version: 1
name: tiny
toolchain: {image: "postgres:15", install: "true"}
checks:
  test: {run: "true"}
database: {migrate: "true", migrations: migrations}
services:
  - {name: web, port: 8080, health: /health, image: {dockerfile: Dockerfile}}
manifests: {files: [deploy.yaml]}
verify: {settle: 0s}
registry: REGISTRY
watch: {onBreach: dispatch}
environments:
  STAGING:
    namespace: AT_STAGING
    github: {environment: staging, deployments: true}
    acceptance: {run: 'echo "$GREETING from end to end"', env: {GREETING: tried}}
  PRODUCTION:
    namespace: AT_PRODUCTION
    github: {environment: production, deployments: true}
    gate:
      workflow: .github/workflows/production.yml
      promotes: {environment: STAGING, key: PUBLIC_KEY}
      checks: [{name: test}]
      backup: 1h
      rollbackPlan: https://wiki.example.org/rollback
      approvals:
        - {name: leadership, environment: production, users: [vera]}
        - {name: incident response, environment: production-oncall, users: [tom]}
      rollback:
        workflow: .github/workflows/rollback.yml
        approvals: [{name: on call, environment: production-rollback, users: [tom]}]
`

// place is where a team releases to.
type place struct {
	environment, namespace, database string
	ledger                           *ledger.Ledger
}

// team has a repository whose workflows are ours as they are, and a GitHub.
type team struct {
	*testing.T
	hub                 *github.Server
	at                  github.Dispatch // what all runs share
	staging, production place
	names               *strings.Replacer
	path                string // of what the runner has installed
}

func newTeam(t *testing.T) *team {
	t.Helper()
	registry, _, _ := strings.Cut(testenv.Env(t)["SLIPWAY_REGISTRY"], "/")
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	c := &team{T: t, staging: newPlace(t), production: newPlace(t), path: t.TempDir()}
	c.names = strings.NewReplacer(
		"AT_STAGING", c.staging.namespace, "AT_PRODUCTION", c.production.namespace, "STAGING", c.staging.environment, "PRODUCTION", c.production.environment,
		"REGISTRY", registry+"/"+c.staging.namespace, "PUBLIC_KEY", ledger.PublicKey(key),
		"STRATEGY", "RollingUpdate", "READY", "true", "SLOW", "0",
	)
	// The sandbox has one ledger of a name, and tests each want their own.
	environments := strings.NewReplacer(
		"env: staging,", "env: "+c.staging.environment+",", "env: production,", "env: "+c.production.environment+",", "== 'production'", "== '"+c.production.environment+"'",
	)
	standins, err := filepath.Abs("../testenv/github/actions")
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := os.ReadFile(testenv.Env(t)["KUBECONFIG"])
	if err != nil {
		t.Fatal(err)
	}
	c.at = github.Dispatch{
		Act: testenv.Tool(t, "github.com/nektos/act", "v0.2.89"), Repository: t.TempDir(), Slipway: t.TempDir(), Artifacts: t.TempDir(), Standins: standins, Actor: "alice", Cache: t.TempDir(),
		Secrets: map[string]string{"GITHUB_TOKEN": "hub-token", "KUBECONFIG": string(kubeconfig), "SIGNING_KEY": base64.StdEncoding.EncodeToString(key.Seed())},
	}
	run(t, "..", "cp", "-R", "action.yml", "go.mod", "go.sum", "actions", "internal", "ci", c.at.Slipway)
	installed(t, c.at)
	c.write("docker", "#!/bin/sh\n[ \"$1\" = login ] && cat > \"$0.login\"\n") // the registry of the sandbox asks nobody who they are
	for _, file := range workflowFiles(t, "../.github/workflows") {
		name, text := filepath.Join(".github/workflows", filepath.Base(file)), environments.Replace(read(t, file))
		put(t, filepath.Join(c.at.Slipway, name), text)
		if slices.Contains([]string{"production.yml", "rollback.yml"}, filepath.Base(file)) {
			text = caller(t, name) // as in another repository
		}
		put(t, filepath.Join(c.at.Repository, name), text)
	}
	c.write("testenv/platform/slipway.yaml", teamPlatform)
	c.write("testenv/platform/Dockerfile", "FROM node:22-bookworm-slim\nUSER 1000:1000\n")
	c.write("testenv/platform/migrations/meta/_journal.json", `{"version": "7", "dialect": "postgresql", "entries": []}`)
	run(t, c.at.Repository, "git", "init", "--quiet", "--initial-branch=main")
	run(t, c.at.Repository, "git", "remote", "add", "origin", "https://github.com/acme/platform.git")
	c.hub = hubOf(t, "")
	c.hub.Change(func(k *github.Known) {
		k.Environments["production"].Users = []string{"vera"}
		back := *k.Environments["production-oncall"]
		back.Name = "production-rollback"
		k.Environments[back.Name], k.Checks = &back, nil
	})
	c.at.API = c.hub.URL
	return c
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// caller is the documentation's example of who calls a workflow.
func caller(t *testing.T, name string) string {
	t.Helper()
	for _, m := range fence.FindAllStringSubmatch(read(t, "../docs/gates.md"), -1) {
		if before, after, ok := strings.Cut(m[1], "uses: teei/slipway/"+name+"@SHA\n"); ok {
			// The sample lies in a folder, and act is told by this commit where ours are.
			return before + "uses: teei/slipway/" + name + "@" + strings.Repeat("a", 40) + "\n" + strings.Replace(after, "with: {", "with: {root: testenv/platform, ", 1)
		}
	}
	t.Fatalf("there is no example of who calls %s", name)
	return ""
}

func newPlace(t *testing.T) place {
	t.Helper()
	p := place{environment: testenv.Environment(t), namespace: testenv.Namespace(t), database: testenv.Database(t)}
	var err error
	if p.ledger, err = ledger.Open(kubetest.Cluster(t), platform.Owner{Platform: "tiny", Environment: p.environment, Namespace: p.namespace}); err != nil {
		t.Fatal(err)
	}
	return p
}

// write writes a file of the repository, or the docker of the runner.
func (c *team) write(name, text string) {
	c.Helper()
	file := filepath.Join(c.at.Repository, name)
	if name == "docker" {
		file = filepath.Join(c.path, name)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(c.names.Replace(text)), 0o755); err != nil {
		c.Fatal(err)
	}
}

// commit is what the repository has now, with this version of the service.
func (c *team) commit(version string) string {
	c.Helper()
	manifest := strings.Replace(strings.ReplaceAll(cancelledManifest, "$version", version), "image: node:22-bookworm-slim", "image: web", 1)
	c.write("testenv/platform/deploy.yaml", manifest+service)
	run(c.T, c.at.Repository, "git", "add", "--all")
	run(c.T, c.at.Repository, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--no-gpg-sign", "--message="+version)
	return strings.TrimSpace(run(c.T, c.at.Repository, "git", "rev-parse", "HEAD"))
}

const service = `---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 8080}]}
`

// workflow runs one, with the variables of a place.
func (c *team) workflow(name string, at place, change func(*github.Dispatch), hear func(line string)) (string, error) {
	c.Helper()
	d := c.at
	d.Workflow, d.Run = ".github/workflows/"+name, 77
	d.Secrets = maps.Clone(d.Secrets)
	if at.database != "" {
		d.Secrets["VARIABLES"] = "DATABASE_URL=" + at.database + "\n"
	}
	change(&d)
	sha := strings.TrimSpace(run(c.T, d.Repository, "git", "rev-parse", "HEAD"))
	c.hub.Change(func(k *github.Known) {
		if k.Runs[d.Run] == nil {
			k.Runs[d.Run] = &github.Run{ID: d.Run, Attempt: 1, Branch: "main", Event: "workflow_dispatch", Actor: d.Actor}
		}
		k.Runs[d.Run].SHA, k.Runs[d.Run].Path = sha, d.Workflow
	})
	cmd, err := d.Command(c.Context())
	if err != nil {
		c.Fatal(err)
	}
	cmd.Env = append(cmd.Env, "PATH="+c.path+":"+os.Getenv("PATH"))
	return follow(c.T, cmd, hear)
}

// passes runs a workflow that has to end well, and to say all of this.
func (c *team) passes(name string, at place, says []string, change func(*github.Dispatch), hear func(line string)) {
	c.Helper()
	out, err := c.workflow(name, at, change, hear)
	if err != nil {
		c.Fatalf("%s: %v\n%s", name, err, out)
	}
	c.says(name, out, says)
}

func (c *team) says(name, out string, says []string) {
	c.Helper()
	for _, text := range says {
		if !strings.Contains(out, text) {
			c.Errorf("%s does not say %q:\n%s", name, text, out)
		}
	}
	for _, secret := range []string{"hub-token", c.at.Secrets["SIGNING_KEY"], password(c.T, c.production.database)} {
		if strings.Contains(out, secret) {
			c.Errorf("%s shows the secret %s", name, secret)
		}
	}
}

func password(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	word, _ := u.User.Password()
	if len(word) < 6 {
		return "no password at all" // nothing that could be looked for
	}
	return word
}

// runs is the version that a place runs.
func (c *team) runs(at place) string {
	return testenv.Kubectl(c, "--namespace", at.namespace, "get", "deployment", "web", "--output", "jsonpath={.spec.template.spec.containers[0].env[0].value}")
}

func nothing(*github.Dispatch) {}
func quiet(string)             {}

// TestWorkflows takes a change of a team through all of our workflows, each by act:
// its pull request, staging, production, the watch, which finds a breach, and the
// rollback that the watch starts. Production and the rollback are called, as they
// are in other repositories.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	c := newTeam(t)
	base := c.commit("old")
	c.releasesBefore()

	run(t, c.at.Repository, "git", "checkout", "--quiet", "-b", "change")
	changed := c.commit("new")
	c.passes("pull-request.yml", place{}, []string{"✓ test", "Deployment/" + c.production.namespace + "/web", "new pods for web"}, func(d *github.Dispatch) {
		payload, err := json.Marshal(map[string]any{"pull_request": map[string]any{
			"base": map[string]string{"sha": base, "ref": "main"}, "head": map[string]string{"sha": changed, "ref": "change"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		d.Event, d.Payload = "pull_request", filepath.Join(t.TempDir(), "event.json")
		d.Secrets = map[string]string{"GITHUB_TOKEN": "hub-token"} // and no other: its code is anybody's
		if err := os.WriteFile(d.Payload, payload, 0o600); err != nil {
			t.Fatal(err)
		}
	}, quiet)

	run(t, c.at.Repository, "git", "checkout", "--quiet", "main")
	run(t, c.at.Repository, "git", "merge", "--quiet", "--ff-only", "change")
	c.passes("staging.yml", c.staging, []string{"test: success", "#1 released: 1 service runs what was released", "✓ accept", "#1 works", "to be checked with the key"},
		func(d *github.Dispatch) { d.Event = "push" }, quiet)
	if token, err := os.ReadFile(filepath.Join(c.path, "docker.login")); err != nil || string(token) != "hub-token" {
		t.Errorf("the registry was shown %q, %v", token, err)
	}
	if checks := c.hub.Checks(); len(checks) != 1 || checks[0].Name != "test" || checks[0].SHA != changed {
		t.Errorf("GitHub was told of %+v", checks)
	}

	// A commit that changes nothing in staging is promoted with what stands there.
	c.write("NOTES.md", "nothing that runs\n")
	last := c.commit("new")
	c.passes("staging.yml", c.staging, []string{"nothing would change", "to be checked with the key"}, func(d *github.Dispatch) { d.Event = "push" }, quiet)
	if records, err := c.staging.ledger.Releases(t.Context()); err != nil || len(records) != 1 || records[0].Source != changed {
		t.Errorf("staging has %d releases, %v", len(records), err)
	}

	c.passes("production.yml", c.production, []string{"✓ promotes", "✓ checks/test", "✓ backup", "#2 released: 1 service runs what was released"}, func(d *github.Dispatch) {
		d.Inputs = map[string]string{"from": c.staging.environment + "#1"} // GitHub has its record
		d.Variables = map[string]string{"SLIPWAY_GATE_WAIT": "5m"}
	}, func(line string) {
		if m := toApprove.FindStringSubmatch(line); m != nil && c.runs(c.production) == "old" {
			c.review(77, "vera", m[1][:12], "production")
			c.review(77, "tom", m[1][:12], "production-oncall")
		}
	})
	if got := c.runs(c.production); got != "new" {
		t.Errorf("production runs %s", got)
	}
	if record, err := c.production.ledger.Release(t.Context(), 2); err != nil || record == nil || record.Source != last {
		t.Errorf("%+v, %v", record, err)
	}

	restart(t, c.production.namespace)
	out, err := c.workflow("watch.yml", c.production, nothing, quiet)
	if err == nil {
		t.Error("a breach is no error")
	}
	c.says("watch.yml", out, []string{"restarts of web", ".github/workflows/rollback.yml was started at "})
	started := c.hub.Started()
	if len(started) != 1 || started[0].Workflow != "rollback.yml" || started[0].Ref != "main" {
		t.Fatalf("started %+v", started)
	}

	c.goesBack(started[0].Inputs)
}

// goesBack runs the rollback with the inputs that the watch gave it: nobody has
// approved it, and then somebody has.
func (c *team) goesBack(inputs map[string]string) {
	c.Helper()
	dispatched := func(d *github.Dispatch) { d.Inputs, d.Run, d.Actor = inputs, 78, "github-actions[bot]" }
	out, err := c.workflow("rollback.yml", c.production, dispatched, quiet)
	if err == nil || c.runs(c.production) != "new" {
		c.Errorf("nobody approved it: %v, %s runs", err, c.runs(c.production))
	}
	c.says("rollback.yml", out, []string{"approval/on call: 0 of 1 approved it"})
	c.review(78, "tom", "back", "production-rollback")
	c.passes("rollback.yml", c.production, []string{"approved by tom for on call", "#3 released: back at " + c.production.environment + " #1"}, dispatched, quiet)
	if got := c.runs(c.production); got != "old" {
		c.Errorf("after the rollback %s runs", got)
	}
	record, err := c.production.ledger.Release(c.Context(), 3)
	if err != nil || record == nil || len(record.Approvals) != 1 || record.Approvals[0].By != "tom" {
		c.Errorf("%+v, %v", record, err)
	}
	if kept, err := filepath.Glob(filepath.Join(c.at.Artifacts, "ledger", "*")); err != nil || !slices.ContainsFunc(kept, func(name string) bool { return strings.Contains(name, "3") }) {
		c.Errorf("the artifact has %q, %v", kept, err)
	}
}

func (c *team) review(run int64, user, comment, environment string) {
	c.Helper()
	if err := c.hub.Review(run, github.Review{User: user, State: "approved", Comment: comment, Environments: []string{environment}}); err != nil {
		c.Error(err)
	}
}

// releasesBefore releases what the repository has to production, as it was done
// before there was a gate.
func (c *team) releasesBefore() {
	c.Helper()
	built, err := builtOnce()
	if err != nil {
		c.Fatal(err)
	}
	dir := c.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(c.at.Repository, "testenv/platform"))); err != nil {
		c.Fatal(err)
	}
	text := read(c, filepath.Join(dir, "slipway.yaml"))
	text = text[:strings.Index(text, "    gate:")]
	for name, content := range map[string]string{"slipway.yaml": text, "images.json": `{"references": {"web": "` + nodeImage(c.T) + `"}}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			c.Fatal(err)
		}
	}
	slipway := func(args ...string) {
		cmd := exec.Command(filepath.Join(built, "slipway"), append(args, "--root", dir, "--env", c.production.environment)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "KUBECONFIG="+testenv.Env(c)["KUBECONFIG"], "DATABASE_URL="+c.production.database, "GITHUB_OUTPUT="+filepath.Join(dir, "outputs"))
		if out, err := cmd.CombinedOutput(); err != nil {
			c.Fatalf("%s: %v\n%s", args, err, out)
		}
	}
	slipway("plan", "--images", "images.json")
	slipway("apply", "--approval", approvalIn(c.T, filepath.Join(dir, "outputs")))
}
