package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teei/slipway/testenv/testenv"
)

// anothersRepository is one that uses the actions, as a team that does not know
// their sources would.
var anothersRepository = map[string]string{
	".github/workflows/release.yml": `
on: push
jobs:
  release:
    runs-on: ubuntu-latest
    env: {TEST_KUBECONFIG: KUBECONFIG_PATH}
    steps:
      - uses: actions/checkout@v4
      - id: plan
        uses: teei/slipway/actions/plan@v1
        with: {env: ENVIRONMENT, images: images.json}
      - id: refused
        continue-on-error: true
        uses: teei/slipway/actions/rollout@v1
        with: {env: ENVIRONMENT, approval: "0000"}
      - run: test "$OUTCOME" = failure
        env: {OUTCOME: "${{ steps.refused.outcome }}"}
      - id: rollout
        uses: teei/slipway/actions/rollout@v1
        with: {env: ENVIRONMENT, approval: "${{ steps.plan.outputs.approval }}"}
      - id: again
        uses: teei/slipway/actions/plan@v1
        with: {env: ENVIRONMENT, images: images.json}
      - id: verify
        uses: teei/slipway/actions/verify@v1
        with: {env: ENVIRONMENT}
      - id: watch
        uses: teei/slipway/actions/watch@v1
        with: {env: ENVIRONMENT}
      - id: status
        uses: teei/slipway/actions/status@v1
        with: {env: ENVIRONMENT}
      - id: resume
        continue-on-error: true
        uses: teei/slipway/actions/resume@v1
        with: {env: ENVIRONMENT}
      - id: rollback
        uses: teei/slipway@v1
        with: {command: rollback, env: ENVIRONMENT, to: 0, yes: true}
      - run: echo "outputs $FIRST $STATE $SECOND $BACK $LATER" | tee outputs.txt
        env:
          FIRST: ${{ steps.plan.outputs.empty }}
          STATE: ${{ steps.rollout.outputs.state }}-${{ steps.rollout.outputs.release }}
          SECOND: ${{ steps.again.outputs.empty }}
          BACK: ${{ steps.rollback.outputs.state }}-${{ steps.rollback.outputs.release }}
          LATER: ${{ steps.verify.outputs.verified }} ${{ steps.watch.outputs.state }} ${{ steps.status.outputs.healthy }} ${{ steps.resume.outcome }}
`,
	"slipway.yaml": `
version: 1
name: shop
services:
  - {name: web, port: 8080, health: /health, image: {reference: "example.invalid/web@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}
manifests: {files: [deploy.yaml]}
verify: {settle: 0s}
environments:
  ENVIRONMENT: {namespace: NAMESPACE, kubeconfig: TEST_KUBECONFIG}
`,
	"images.json": `{"references": {"migrate": "example.invalid/migrate@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}`,
	"deploy.yaml": `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: node:22-bookworm-slim
          command: [node, -e, 'process.on("SIGTERM", () => process.exit(0)); require("http").createServer((q, s) => s.end("ok")).listen(8080)']
          readinessProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 1}
`,
}

// TestActionsInAnotherRepository runs the actions with act (github.com/nektos/act)
// from a repository that is not this one: plan, a refused and an approved
// rollout, a plan of nothing, verify, watch, status, a resume of nothing, and the
// rollback through the front door.
func TestActionsInAnotherRepository(t *testing.T) {
	t.Parallel()
	act := testenv.Tool(t, "github.com/nektos/act", "v0.2.89")
	environment := testenv.Environment(t)
	replace := strings.NewReplacer("ENVIRONMENT", environment, "NAMESPACE", testenv.Namespace(t), "KUBECONFIG_PATH", testenv.Env(t)["KUBECONFIG"])
	repository, slipway := t.TempDir(), t.TempDir()
	for name, text := range anothersRepository {
		file := filepath.Join(repository, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(replace.Replace(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, repository, "git", "init", "--quiet", "--initial-branch=main")
	run(t, repository, "git", "add", "--all")
	run(t, repository, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--no-gpg-sign", "--message=shop")
	// What is released of this repository, and nothing else of its folder.
	run(t, "..", "cp", "-R", "action.yml", "go.mod", "go.sum", "actions", "internal", slipway)
	run(t, slipway, "git", "init", "--quiet", "--initial-branch=main")
	event := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(event, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, repository, act, "push", "--platform", "ubuntu-latest=-self-hosted", "--local-repository", "teei/slipway@v1="+slipway,
		"--eventpath", event, "--action-cache-path", t.TempDir(), "--rm", "--json")
	for _, want := range []string{
		"outputs false released-1 true uninstalled-2 true watching true failure",
		"there is nothing to resume",
		"is refused: what was approved is 0000, this plan with its evidence is",
		"nothing would change, there is nothing to release",
	} {
		if !strings.Contains(said(out), want) {
			t.Errorf("nobody said %q:\n%s", want, said(out))
		}
	}
}

// said is what act logged, without its own fields.
func said(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		var entry struct{ Msg string }
		if json.Unmarshal([]byte(line), &entry) == nil {
			line = entry.Msg + "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

func run(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, said(string(out)))
	}
	return string(out)
}
