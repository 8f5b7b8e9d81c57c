package release

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/template"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/testenv"
)

// three services with their configuration. Their pods are simulated: what is
// tested is what a death leaves behind, not how pods come up.
var three = template.Must(template.New("three").Parse(`
{{- range $name := .Services}}
apiVersion: v1
kind: ConfigMap
metadata: {name: {{$name}}}
data: {version: "{{$.Version}}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{$name}}}
spec:
  selector: {matchLabels: {app: {{$name}}}}
  template:
    metadata: {labels: {app: {{$name}}}}
    spec:
      terminationGracePeriodSeconds: 0
      nodeSelector: {simulated: "true"}
      tolerations: [{key: kwok.x-k8s.io/node, operator: Exists}]
      containers: [{name: app, image: "example.invalid/{{$name}}:{{$.Version}}", env: [{name: VERSION, value: "{{$.Version}}"}]}]
---
{{- end}}
`))

// scene is an environment in which releases are killed.
type scene struct {
	t                      *testing.T
	releaser               string
	environment, namespace string
	dir                    string
	ledger                 *ledger.Ledger
	kubeconfig             string   // default: the sandbox's
	more                   []string // flags of the releaser
}

// services of the crash tests; torture has all eleven, and goes on in every way.
var (
	services = []string{"one", "two", "three"}
	everyWay = false
)

// ways on from a death, each of them, or one by turns.
func ways(turn int) []string {
	all := []string{"run", "resume", "rollback"}
	if everyWay {
		return all
	}
	return all[turn%3 : turn%3+1]
}

func newScene(t *testing.T, releaser string) *scene {
	t.Helper()
	s := &scene{t: t, releaser: releaser, environment: testenv.Environment(t), namespace: testenv.Namespace(t), dir: t.TempDir()}
	var err error
	if s.ledger, err = ledger.Open(kubetest.Cluster(t), s.environment); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"old", "new", "next"} {
		var text bytes.Buffer
		if err := three.Execute(&text, map[string]any{"Version": version, "Services": services}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, version+".yaml"), text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// run starts a releaser; crash is the point at which it dies, 0 for never.
func (s *scene) run(crash int, version, what string) (string, error) {
	cmd := exec.CommandContext(s.t.Context(), s.releaser, "--kubeconfig", cmp.Or(s.kubeconfig, testenv.Env(s.t)["KUBECONFIG"]), "--env", s.environment,
		"--namespace", s.namespace, "--manifests", filepath.Join(s.dir, version+".yaml"), "--services", strings.Join(services, ","))
	cmd.Args = append(append(cmd.Args, s.more...), what)
	cmd.Env = append(os.Environ(), "SLIPWAY_CRASH_AT="+strconv.Itoa(crash), "SLIPWAY_CRASH_LIST="+filepath.Join(s.dir, "points"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *scene) must(version, what string) string {
	s.t.Helper()
	out, err := s.run(0, version, what)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", what, version, err, out)
	}
	return strings.TrimSpace(out)
}

// points are the names of the places at which the last run could have died.
func (s *scene) points() []string {
	data, err := os.ReadFile(filepath.Join(s.dir, "points"))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(s.dir, "points")); err != nil {
		s.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// versions are those of the configuration and of the pods' templates.
func (s *scene) versions() string {
	return testenv.Kubectl(s.t, "--namespace", s.namespace, "get", "configmaps,deployments", "--output",
		`jsonpath={range .items[*]}{.data.version}{.spec.template.spec.containers[0].env[0].value} {end}`)
}

// entirely fails unless the environment is of one version, and the ledger says
// of the newest release what it should.
func (s *scene) entirely(version string, state ledger.State) {
	s.t.Helper()
	found := strings.Fields(s.versions())
	for _, v := range found {
		if v != version {
			s.t.Errorf("the environment is %q, want all of it %s", found, version)
			break
		}
	}
	// Of each service its configuration and its Deployment: what is missing is of no version.
	if want := 2 * len(services); len(found) != want {
		s.t.Errorf("the environment has %d objects, want %d: %q", len(found), want, found)
	}
	records, err := s.ledger.Releases(s.t.Context())
	if err != nil || len(records) == 0 {
		s.t.Fatalf("the ledger: %v, %d records", err, len(records))
	}
	for i, r := range records {
		if !r.State.Finished() {
			s.t.Errorf("release %d is %s", r.Number, r.State)
		}
		if i == 0 && r.State != state {
			s.t.Errorf("the ledger says %s of release %d, want %s: %s", r.State, r.Number, state, r.Verdict)
		}
	}
}

// TestCrashMatrix kills a release at every point between two side effects, the
// points found by running it once. After each death the next command finds an
// environment that it makes entirely old or entirely new.
func TestCrashMatrix(t *testing.T) {
	t.Parallel()
	simulate(t)
	releaser := mortal(t)
	count := newScene(t, releaser)
	count.must("old", "run")
	count.points()
	count.must("new", "run")
	points := len(count.points())
	if points < 20 {
		t.Fatalf("a release has only %d points: are they still marked?", points)
	}
	t.Logf("%d points", points)
	// Several environments at once; each takes every n-th point with every way on.
	const lanes = 6
	var work sync.WaitGroup
	for lane := range lanes {
		work.Go(func() {
			for at := 1 + lane; at <= points; at += lanes {
				for _, way := range ways(at / lanes) {
					t.Run(fmt.Sprintf("point %d then %s", at, way), func(t *testing.T) { killAndGoOn(t, newScene(t, releaser), at, way) })
				}
			}
		})
	}
	work.Wait()
}

// mortal builds a releaser that dies where it is told to.
func mortal(t *testing.T) string {
	t.Helper()
	releaser := filepath.Join(t.TempDir(), "releaser")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "crash", "-o", releaser, "./testdata/releaser").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return releaser
}

func killAndGoOn(t *testing.T, s *scene, at int, way string) {
	s.must("old", "run")
	out, err := s.run(at, "new", "run")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.String() != "signal: killed" {
		t.Fatalf("it was to die at point %d: %v\n%s", at, err, out)
	}
	// What the dead release was: nothing yet, unfinished, or complete.
	left, err := s.ledger.Unfinished(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	switch way {
	case "run":
		s.must("next", "run")
		s.entirely("next", ledger.Released)
	case "resume":
		out, err := s.run(0, "old", "resume") // the manifests of the repository do not matter
		switch {
		case left == nil && err == nil:
			t.Errorf("resumed nothing: %s", out)
		case left == nil:
			s.entirelyEither()
		case err != nil:
			t.Errorf("resume: %v\n%s", err, out)
		case strings.TrimSpace(out) == string(ledger.Failed):
			s.entirely("old", ledger.Failed) // it died before it said what it wants
		default:
			s.entirely("new", ledger.Released)
		}
	case "rollback":
		over := strings.Contains(s.versions(), "new")
		out, err := s.run(0, "old", "rollback")
		if err != nil {
			t.Errorf("rollback: %v\n%s", err, out)
		}
		switch {
		case left != nil:
			s.entirely("old", ledger.Failed)
		case over:
			s.entirely("old", ledger.Released) // it was complete: back to the one before
		case strings.TrimSpace(s.versions()) != "":
			t.Errorf("before the first release there was nothing, now there is %q", s.versions())
		}
	}
	if holder := s.holder(); holder != "" {
		t.Errorf("the lock is held by %s", holder)
	}
}

// holder is who has the lock, as the Lease says it.
func (s *scene) holder() string {
	s.t.Helper()
	return testenv.Kubectl(s.t, "--namespace", s.ledger.Namespace, "get", "lease", "release", "--output", "jsonpath={.spec.holderIdentity}")
}

// entirelyEither is for a release that died before it began or after it ended.
func (s *scene) entirelyEither() {
	s.t.Helper()
	if strings.Contains(s.versions(), "new") {
		s.entirely("new", ledger.Released)
	} else {
		s.entirely("old", ledger.Released)
	}
}

// TestRollbackToAnEarlierRelease goes back one release at a time, and over
// several at once.
func TestRollbackToAnEarlierRelease(t *testing.T) {
	t.Parallel()
	simulate(t)
	releaser := filepath.Join(t.TempDir(), "releaser")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", releaser, "./testdata/releaser").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := newScene(t, releaser)
	s.must("old", "run")
	s.must("new", "run")
	s.must("next", "run")
	if got := s.must("old", "rollback"); got != string(ledger.Released) {
		t.Errorf("a rollback ends as %s", got)
	}
	s.entirely("new", ledger.Released)
	s.must("old", "rollback") // and once more: from the second release to the first
	s.entirely("old", ledger.Released)
	records, err := s.ledger.Releases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, r := range records {
		states = append(states, string(r.State))
	}
	if got := strings.Join(states, ", "); got != "released, released, rolled back, rolled back, released" {
		t.Errorf("the ledger says %s", got)
	}
	if out, err := s.run(0, "old", "resume"); err == nil || !strings.Contains(out, "there is nothing to resume") {
		t.Errorf("%v %s", err, out)
	}
	s.must("new", "run")  // #6
	s.must("next", "run") // #7
	for number, want := range map[string]string{"3": "never, or is no longer, at that release", "12": "never, or is no longer, at that release", "7": "there is nothing to roll back"} {
		s.more = []string{"--to", number}
		if out, err := s.run(0, "old", "rollback"); err == nil || !strings.Contains(out, want) {
			t.Errorf("to %s: %v %s", number, err, out)
		}
	}
	var unknown *UnknownReleaseError
	_, err = Rollback(t.Context(), Options{Ledger: s.ledger, Rollout: rollout.Options{Cluster: kubetest.Cluster(t)}}, 3)
	if !errors.As(err, &unknown) || unknown.Hint() != "these can be gone back to: #6 #1" {
		t.Errorf("%v, %+v", err, unknown)
	}
	s.entirely("next", ledger.Released)
	s.more = []string{"--to", "1"}
	s.must("next", "rollback")
	s.entirely("old", ledger.Released)
	for _, number := range []int{6, 7} {
		if r, err := s.ledger.Release(t.Context(), number); err != nil || r.State != ledger.RolledBack {
			t.Errorf("#%d: %+v, %v", number, r, err)
		}
	}
}

// simulate makes a node of the cluster whose pods are only said to run, by
// kwok (sigs.k8s.io/kwok), for as long as the tests of this package need it.
func simulate(t *testing.T) {
	t.Helper()
	simulation.Do(func() {
		kwok := testenv.Tool(t, "sigs.k8s.io/kwok/cmd/kwok", "v0.8.0")
		cluster := kubetest.Cluster(t)
		node := &kube.Object{Object: map[string]any{
			"apiVersion": "v1", "kind": "Node",
			"metadata": map[string]any{
				"name": "simulated", "labels": map[string]any{"simulated": "true"},
				"annotations": map[string]any{"kwok.x-k8s.io/node": "fake"},
			},
			"spec": map[string]any{"taints": []any{map[string]any{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}}},
		}}
		if _, err := cluster.Create(t.Context(), node); err != nil && !kube.Exists(err) {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		cmd := exec.CommandContext(ctx, kwok, "--kubeconfig", testenv.Env(t)["KUBECONFIG"], "--config", "testdata/kwok.yaml", "--manage-all-nodes=false",
			"--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake")
		if err := cmd.Start(); err != nil {
			stop()
			t.Fatal(err)
		}
		endSimulation = func() {
			stop()
			_ = cmd.Wait() // killed
			_ = cluster.Delete(context.Background(), node)
		}
	})
}

var (
	simulation    sync.Once
	endSimulation = func() {}
)

func TestMain(m *testing.M) {
	code := m.Run()
	endSimulation()
	os.Exit(code)
}
