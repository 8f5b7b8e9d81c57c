package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

// TestWatchTakesBack: the day after a release, from the command line. A breach is
// an error until somebody acknowledges it; where slipway.yaml allows it, the
// release before comes back by itself, and so does one that was abandoned. People
// are told of each, and what did not arrive is in the ledger.
func TestWatchTakesBack(t *testing.T) {
	t.Parallel()
	told, variables := stakeholders(t)
	c := newCheckout(t, append(variables, "AWAY=http://127.0.0.1:1/secret-address")...)
	hears := func(want string) {
		t.Helper()
		if got := heard(told); got != want {
			t.Errorf("people were told of %q, and not of %q", got, want)
		}
	}
	file := strings.Replace(anothersRepository["slipway.yaml"], "kubeconfig: TEST_KUBECONFIG}", "kubeconfig: TEST_KUBECONFIG, notify: [{name: ops, url: HOOK, secret: HOOK_KEY}, {name: away, kind: slack, url: AWAY, on: [started, proven]}]}", 1)
	c.write("slipway.yaml", file)
	expect := func(want int, texts []string, args ...string) {
		t.Helper()
		out := c.slipway(want, args...)
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("%s does not say %q:\n%s", args, text, out)
			}
		}
	}
	c.write("deploy.yaml", cancelledManifest)
	expect(0, []string{"nothing to watch"}, "watch")
	c.release("old")
	c.release("new")
	expect(0, []string{"#2 works"}, "verify")
	expect(0, []string{"#2  watching"}, "watch")
	expect(2, []string{"what was approved is 0000"}, "apply", "--approval", "0000")
	hears("started released started released failed")
	c.restart()
	expect(1, []string{"restarts of web (finding 1): container web ended with", "`slipway rollback --env"}, "watch")
	expect(2, []string{"has no finding 7"}, "watch", "--acknowledge", "7", "--reason", "none")
	expect(0, []string{"restarts of web is acknowledged by"}, "watch", "--acknowledge", "1", "--reason", "that was us")
	expect(0, []string{"#2  watching"}, "watch")
	expect(0, []string{`"state": "released"`, `"acknowledged"`}, "release", "2", "--json")
	c.write("slipway.yaml", file+"watch: {for: 1s}\n")
	expect(0, []string{"#2  proven", "! notify away: "}, "watch")
	expect(0, []string{"not told", "notify away: dial tcp 127.0.0.1:1: connect: connection refused"}, "release", "2")
	hears("breach proven")

	c.write("slipway.yaml", file+"watch: {onBreach: rollback, onAbandoned: rollback}\n")
	c.release("newer")
	c.restart()
	expect(1, []string{"#3  breached", "#3 is taken back by itself", "back at"}, "watch")
	outputs := filepath.Join(c.dir, "outputs")
	if state, release, verdict := outputIn(t, outputs, "state"), outputIn(t, outputs, "release"), outputIn(t, outputs, "verdict"); state != "breached" || !strings.HasSuffix(release, " #3") || !strings.HasPrefix(verdict, "back at ") {
		t.Errorf("later steps are told of %q, %q, %q", state, release, verdict)
	}
	if got := c.version(); got != "new" {
		t.Errorf("version %s runs", got)
	}
	// What lasts is hardly the release: it goes back once, not release by release to nothing.
	c.restart()
	expect(1, []string{"#4  breached", "it is not taken back by itself: a rollback brought back what runs now"}, "watch")
	expect(0, []string{`"kept": "a rollback brought back what runs now`}, "release", "4", "--json")
	if got := c.version(); got != "new" {
		t.Errorf("version %s runs", got)
	}
	hears("started released breach rolled-back breach")

	book, err := ledger.Open(kubetest.Cluster(t), c.owner())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := book.Add(t.Context(), ledger.Record{By: ledger.Holder{Person: "mara"}}); err != nil {
		t.Fatal(err)
	}
	expect(0, []string{"#5  abandoned", "it is taken back", "#5 failed"}, "watch")
	hears("failed")
	expect(0, []string{"the time to watch was over in the middle of a look"}, "watch", "--for", "1ns")

	// One whose runner died holds the lock until it expires; then it goes on.
	c.write("slipway.yaml", file+"watch: {onAbandoned: resume}\n")
	dead := c.begin("newest", "true", "10")
	if err := dead.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = dead.Wait()
	expect(0, []string{"#6  abandoned", "it goes on", "#6 released"}, "watch")
	if got := c.version(); got != "newest" {
		t.Errorf("version %s runs", got)
	}
	hears("started released")
	c.write("slipway.yaml", file)
	if _, err := book.Add(t.Context(), ledger.Record{By: ledger.Holder{Person: "mara"}}); err != nil {
		t.Fatal(err)
	}
	expect(1, []string{"#7 ended in the middle, and nobody works on it", "`slipway resume --env"}, "watch")
}

// watcher is the kubeconfig of an account that may read the application, and write
// the ledger.
func (c *checkout) watcher() string {
	c.Helper()
	file := filepath.Join(c.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, kubetest.Kubeconfig(c, c.namespace, "watch"), 0o600); err != nil {
		c.Fatal(err)
	}
	for in, role := range map[string]string{c.namespace: "role-watch", c.owner().Ledger(): "role"} {
		name := map[string]string{"role-watch": "slipway-watch", "role": "slipway-ledger"}[role]
		testenv.Kubectl(c, "--namespace", in, "apply", "--filename", filepath.Join("..", "docs", role+".yaml"))
		testenv.Kubectl(c, "--namespace", in, "create", "rolebinding", "watch", "--role", name, "--serviceaccount", c.namespace+":watch")
		right := map[string][]string{"role-watch": {"list", "pods"}, "role": {"update", "configmaps"}}[role]
		// The API server tells nobody when it has taken up a role binding.
		for late := time.Now().Add(time.Minute); time.Now().Before(late); time.Sleep(100 * time.Millisecond) {
			if _, err := testenv.TryKubectl(c, append([]string{"auth", "can-i", "--namespace", in, "--as", "system:serviceaccount:" + c.namespace + ":watch"}, right...)...); err == nil {
				break
			}
		}
	}
	return file
}

func (c *checkout) restart() {
	c.Helper()
	restart(c.T, c.namespace)
}

// restart ends the container of the pod that runs, and waits until it is known.
func restart(t *testing.T, namespace string) {
	t.Helper()
	cluster := kubetest.Cluster(t)
	pod := func() *corev1.Pod {
		pods, err := kube.List[corev1.Pod](t.Context(), cluster, kube.Pods, namespace, "app=web", "")
		if err != nil {
			t.Fatal(err)
		}
		pods = slices.DeleteFunc(pods, func(p *corev1.Pod) bool { return p.DeletionTimestamp != nil })
		if len(pods) != 1 {
			t.Fatalf("%d pods", len(pods))
		}
		return pods[0]
	}
	// The command may end before the container that it ends, or with it.
	_, _ = testenv.TryKubectl(t, "--namespace", namespace, "exec", pod().Name, "--", "node", "-e", "process.kill(1, 'SIGTERM')")
	testenv.Kubectl(t, "--namespace", namespace, "wait", "pod/"+pod().Name, "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "--timeout=60s")
	testenv.Kubectl(t, "--namespace", namespace, "wait", "pod/"+pod().Name, "--for=condition=Ready", "--timeout=60s")
}

// TestWatchDispatches: with onBreach: dispatch the watch changes nothing. It starts
// the rollback workflow, once, and says where that waits for its people.
func TestWatchDispatches(t *testing.T) {
	t.Parallel()
	told, variables := stakeholders(t)
	c := newCheckout(t, variables...)
	c.release("old")
	c.release("new")
	c.restart()
	c.write("slipway.yaml", strings.Replace(anothersRepository["slipway.yaml"], "kubeconfig: TEST_KUBECONFIG}", `
    kubeconfig: TEST_KUBECONFIG, github: {issues: true}, notify: [{name: ops, url: HOOK, secret: HOOK_KEY}],
    gate: {
      workflow: .github/workflows/production.yml, approvals: [{name: leadership, environment: production, users: [vera]}],
      rollback: {workflow: .github/workflows/back.yml, approvals: [{name: on call, environment: production-oncall, users: [tom]}]}}}`, 1)+"watch: {onBreach: dispatch}\n")
	if out := c.slipway(1, "watch"); !strings.Contains(out, ".github/workflows/back.yml was not started: ") || !strings.Contains(out, "restarts of web") {
		t.Errorf("without a repository:\n%s", out) // neither the breach nor why nothing was done about it is lost
	}
	hub := hubOf(t, strings.Repeat("a", 40))
	c.variables = append(c.variables, "TEST_KUBECONFIG="+c.watcher(), "GITHUB_ACTIONS=true", "GITHUB_RUN_ID=77", "GITHUB_RUN_ATTEMPT=1", "GITHUB_API_URL="+hub.URL, "GITHUB_TOKEN=hub-token", "GITHUB_REPOSITORY=acme/platform")
	for look := range 2 {
		testenv.Kubectl(t, "--namespace", c.namespace, "delete", "pods", "--selector=app=web") // another one ends at once
		testenv.Kubectl(t, "--namespace", c.namespace, "wait", "deployment/web", "--for=condition=Available", "--timeout=60s")
		c.restart()
		out := c.slipway(1, "watch")
		for _, want := range []string{"restarts of web (finding 1)", ".github/workflows/back.yml was started at ", " to go back to #1", "/acme/platform/actions/workflows/back.yml"} {
			if !strings.Contains(out, want) {
				t.Errorf("look %d does not say %q:\n%s", look, want, out)
			}
		}
	}
	started := hub.Started()
	if len(started) != 1 || started[0].Workflow != "back.yml" || started[0].Ref != "main" || !maps.Equal(started[0].Inputs, map[string]string{"environment": c.environment, "to": "1"}) {
		t.Errorf("started %+v", started)
	}
	if got := c.version(); got != "new" {
		t.Errorf("version %s runs", got)
	}
	if got := heard(told); got != "breach waiting" {
		t.Errorf("people were told of %q", got)
	}
	hub.Change(func(k *github.Known) {
		if len(k.Issues) != 1 || !strings.Contains(k.Issues[0].Body, "back.yml was started at") {
			t.Errorf("the issue does not say it: %+v", k.Issues)
		}
	})
}
