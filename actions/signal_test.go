package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

// cancelled are releases that a runner cancels: one that is back in time, and
// one whose old pods take longer to come up than the runner waits.
var cancelled = []struct {
	name, strategy, slow string
	want                 ledger.State
}{
	{"in time", "RollingUpdate", "0", ledger.Failed},
	{"too slow", "Recreate", "15", ledger.Running},
}

const cancelledManifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  strategy: {type: STRATEGY}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: node:22-bookworm-slim
          env: [{name: VERSION, value: "$version"}]
          command: [node, -e, 'process.on("SIGTERM", () => process.exit(0)); require("http").createServer((q, s) => { s.statusCode = READY ? 200 : 503; s.end() }).listen(8080)']
          readinessProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 1, initialDelaySeconds: SLOW}
`

// TestCancelledByARunner sends what a runner sends to a step that is cancelled:
// INT, TERM after 7.5 s, KILL after 10 s. Nothing may be left to the last one.
func TestCancelledByARunner(t *testing.T) {
	t.Parallel()
	slipway := filepath.Join(t.TempDir(), "slipway")
	run(t, "..", "go", "build", "-o", slipway, "./actions")
	for _, tt := range cancelled {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			environment, namespace, dir := testenv.Environment(t), testenv.Namespace(t), t.TempDir()
			write := func(name, text string) {
				text = strings.NewReplacer("ENVIRONMENT", environment, "NAMESPACE", namespace, "STRATEGY", tt.strategy).Replace(text)
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("slipway.yaml", anothersRepository["slipway.yaml"])
			write("images.json", anothersRepository["images.json"])
			command := func(args ...string) *exec.Cmd {
				cmd := exec.Command(slipway, append(args, "--root", dir, "--env", environment)...)
				cmd.Env = append(os.Environ(), "TEST_KUBECONFIG="+testenv.Env(t)["KUBECONFIG"], "GITHUB_ACTIONS=true",
					"GITHUB_OUTPUT="+filepath.Join(dir, "outputs"), "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary"))
				cmd.Dir = dir
				return cmd
			}
			apply := func(version, ready, slow string) *exec.Cmd {
				write("deploy.yaml", strings.NewReplacer("$version", version, "READY", ready, "SLOW", slow).Replace(cancelledManifest))
				if out, err := command("plan", "--images", "images.json").CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				return command("apply", "--approval", approvalIn(t, filepath.Join(dir, "outputs")))
			}
			if out, err := apply("old", "true", tt.slow).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			took, out := cancel(t, namespace, apply("new", "false", "0"))
			if took > 10*time.Second {
				t.Errorf("it lasted %s", took)
			}
			book, err := ledger.Open(kubetest.Cluster(t), platform.Owner{Platform: "shop", Environment: environment, Namespace: namespace})
			if err != nil {
				t.Fatal(err)
			}
			record, err := book.Release(t.Context(), 2)
			if err != nil || record.State != tt.want {
				t.Fatalf("%+v, %v, want %s\n%s", record, err, tt.want, out)
			}
			if holder := testenv.Kubectl(t, "--namespace", book.Namespace, "get", "lease", "release", "--output", "jsonpath={.spec.holderIdentity}"); holder != "" {
				t.Errorf("the lock is held by %s", holder)
			}
			// The next step of the workflow takes back what is left, but never the
			// release before.
			for range 2 {
				if out, err := command("rollback", "--unfinished").CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			if version := testenv.Kubectl(t, "--namespace", namespace, "get", "deployment", "web", "--output", "jsonpath={.spec.template.spec.containers[0].env[0].value}"); version != "old" {
				t.Errorf("version %s runs", version)
			}
		})
	}
}

// cancel starts a command, waits until it has written the Deployment, and sends
// it a runner's signals. It returns how long it lasted after the first.
func cancel(t *testing.T, namespace string, cmd *exec.Cmd) (time.Duration, string) {
	t.Helper()
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	testenv.Kubectl(t, "--namespace", namespace, "wait", "--for=jsonpath={.spec.template.spec.containers[0].env[0].value}=new", "--timeout=30s", "deployment/web")
	// Its pods have to be the new ones, or there is nothing to take back. Until its
	// controller has seen the write, the status is still of the old ones.
	testenv.Kubectl(t, "--namespace", namespace, "wait", "--for=jsonpath={.status.observedGeneration}=2", "--timeout=30s", "deployment/web")
	testenv.Kubectl(t, "--namespace", namespace, "wait", "--for=jsonpath={.status.updatedReplicas}=1", "--timeout=30s", "deployment/web")
	start := time.Now()
	for _, s := range []struct {
		signal os.Signal
		after  time.Duration
	}{{os.Interrupt, 0}, {syscall.SIGTERM, 7500 * time.Millisecond}, {os.Kill, 10 * time.Second}} {
		ctx, stop := context.WithDeadline(t.Context(), start.Add(s.after))
		select {
		case err := <-ended:
			stop()
			if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("it ended with %v, want exit code 1\n%s", err, out.String())
			}
			return time.Since(start), out.String()
		case <-ctx.Done():
			stop()
		}
		if err := cmd.Process.Signal(s.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
	}
	<-ended
	t.Errorf("it had to be killed\n%s", out.String())
	return time.Since(start), out.String()
}

// approvalIn reads the newest approval digest among a step's outputs.
func approvalIn(t *testing.T, file string) string {
	t.Helper()
	return outputIn(t, file, "approval")
}

// outputIn is the last value of an output.
func outputIn(t *testing.T, file, name string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.LastIndex(string(data), name+"<<")
	if at < 0 {
		return ""
	}
	_, last, _ := strings.Cut(string(data)[at:], "\n")
	value, _, _ := strings.Cut(last, "\n")
	return value
}
