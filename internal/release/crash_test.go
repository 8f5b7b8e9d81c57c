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
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/testenv"
)

// three services with their configuration. Their pods are simulated: what is
// tested is what a death leaves behind, not how pods come up. Where they are
// real, there is a Job among the manifests too. Each version makes an object that
// is not there before it. With Kinds, the second and third are other workloads, and
// one version has fields that an apply alone does not take away.
var three = template.Must(template.New("three").Funcs(template.FuncMap{"kind": kindOf}).Parse(`
{{- range $i, $name := .Services}}
apiVersion: v1
kind: ConfigMap
metadata: {name: {{$name}}}
data: {version: "{{$.Version}}"}
---
apiVersion: apps/v1
kind: {{if $.Kinds}}{{kind $i}}{{else}}Deployment{{end}}
metadata: {name: {{$name}}}
spec:
{{- if and $.Kinds (eq (kind $i) "StatefulSet")}}
  serviceName: {{$name}}
{{- end}}
{{- if and $.Recreates (eq (kind $i) "Deployment") (eq $.Version "new")}}
  strategy: {type: Recreate}
{{- end}}
  selector: {matchLabels: {app: {{$name}}}}
  template:
    metadata: {labels: {app: {{$name}}}}
    spec:
      terminationGracePeriodSeconds: 0
{{- if and $.Kinds (eq $.Version "new")}}
      serviceAccountName: default
{{- end}}
{{- if $.Real}}
      containers: [{name: app, image: "node:22-bookworm-slim", command: [sleep, infinity], env: [{name: VERSION, value: "{{$.Version}}"}]}]
{{- else}}
      {{if $.Node}}nodeName: {{$.Node}}{{else}}nodeSelector: {simulated: ` + simulated + `}{{end}}
      tolerations: [{key: kwok.x-k8s.io/node, operator: Exists}]
      containers: [{name: app, image: "example.invalid/{{$name}}:{{$.Version}}", env: [{name: VERSION, value: "{{$.Version}}"}, {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}]
{{- end}}
---
{{- end}}
apiVersion: v1
kind: ConfigMap
metadata: {name: made-by-{{.Version}}}
---
{{- if .Real}}
apiVersion: batch/v1
kind: Job
metadata: {name: prepare}
spec:
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 0
      containers: [{name: app, image: "node:22-bookworm-slim", command: ["true"], env: [{name: VERSION, value: "{{.Version}}"}]}]
{{- end}}
`))

// kindOf is the workload of the service at a place in the order.
func kindOf(i int) string {
	return append([]string{"Deployment", "StatefulSet", "DaemonSet"}, slices.Repeat([]string{"Deployment"}, 8)...)[i]
}

// scene is an environment in which releases are killed.
type scene struct {
	t                      *testing.T
	releaser               string
	environment, namespace string
	dir                    string
	services               []string
	values                 map[string]any // of the manifests
	cluster                *kube.Cluster
	ledger                 *ledger.Ledger
	kubeconfig             string   // default: the sandbox's
	more                   []string // flags of the releaser
	// stand are the versions that were released and not taken back, the oldest first.
	stand []string
	made  int // of versions that were made up
	// begun counts the releases, since a ledger that is full has points of its own.
	begun int
}

// services of the crash tests; torture has all eleven, and goes on in every way
// from each point of each matrix.
var (
	services = []string{"one", "two", "three"}
	everyWay = false
)

// ways on from a death.
var ways = []string{"run", "resume", "rollback"}

// someWays are all of them, or in `make test` one by turns.
func someWays(turn int) []string {
	if everyWay {
		return ways
	}
	return ways[turn%len(ways) : turn%len(ways)+1]
}

func newScene(t *testing.T, releaser string) *scene {
	t.Helper()
	s := &scene{
		t: t, releaser: releaser, environment: testenv.Environment(t), namespace: testenv.Namespace(t), dir: t.TempDir(),
		services: services, values: map[string]any{}, cluster: kubetest.Cluster(t),
	}
	var err error
	if s.ledger, err = ledger.Open(s.cluster, platform.Owner{Platform: "shop", Environment: s.environment, Namespace: s.namespace}); err != nil {
		t.Fatal(err)
	}
	return s
}

// manifests writes those of a version and returns their file.
func (s *scene) manifests(version string) string {
	s.t.Helper()
	var text bytes.Buffer
	s.values["Version"], s.values["Services"] = version, s.services
	if err := three.Execute(&text, s.values); err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(s.dir, version+".yaml")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// config is the kubeconfig of the scene's cluster.
func (s *scene) config() string {
	return cmp.Or(s.kubeconfig, testenv.Env(s.t)["KUBECONFIG"])
}

// mostTime is how long a releaser may take, the expiry of a dead one's lock among
// it: one that hangs fails its test, and says where it hangs.
func mostTime() time.Duration {
	return time.Minute + time.Duration(len(services))*40*time.Second // on a busy machine
}

// run starts a releaser; crash is the point at which it dies, 0 for never.
func (s *scene) run(crash int, version, what string) (string, error) {
	var said bytes.Buffer
	cmd := s.command(crash, version, what)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return "", err
	}
	hangs := time.AfterFunc(mostTime(), func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	defer hangs.Stop()
	err := cmd.Wait()
	return said.String(), err
}

func (s *scene) command(crash int, version, what string) *exec.Cmd {
	s.begun++
	cmd := exec.CommandContext(s.t.Context(), s.releaser, "--kubeconfig", s.config(), "--env", s.environment,
		"--namespace", s.namespace, "--manifests", s.manifests(version), "--services", strings.Join(s.services, ","))
	cmd.Args = append(append(cmd.Args, s.more...), s.further(what)...)
	cmd.Args = append(cmd.Args, what)
	cmd.Env = append(os.Environ(), "SLIPWAY_CRASH_AT="+strconv.Itoa(crash), "SLIPWAY_CRASH_LIST="+filepath.Join(s.dir, "points"))
	return cmd
}

// further names the release before the one that stands, for a rollback that takes
// back nothing that ended in the middle: after one that failed, or after another
// rollback, none goes further by itself.
func (s *scene) further(what string) []string {
	if what != "rollback" || slices.Contains(s.more, "--to") {
		return nil
	}
	records, err := s.ledger.Releases(s.t.Context())
	if err != nil || len(records) == 0 || !records[0].State.Finished() {
		return nil
	}
	if stand := standing(records); len(stand) > 1 {
		return []string{"--to", strconv.Itoa(stand[1].Number)}
	}
	return []string{"--to", "0"}
}

func (s *scene) must(version, what string) string {
	s.t.Helper()
	out, err := s.run(0, version, what)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", what, version, err, out)
	}
	return strings.TrimSpace(out)
}

// dies starts a releaser that has to end by kill -9 at a point.
func (s *scene) dies(at int, version, what string) {
	s.t.Helper()
	out, err := s.run(at, version, what)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.String() != "signal: killed" {
		s.t.Fatalf("%s was to die at point %d: %v\n%s", what, at, err, out)
	}
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

// versions are those of the configuration and of the pods' templates, and those
// that made the object which each version makes.
func (s *scene) versions() (all, made []string) {
	s.t.Helper()
	configuration, err := kube.List[corev1.ConfigMap](s.t.Context(), s.cluster, kube.ConfigMaps, s.namespace, "", "")
	if err != nil {
		s.t.Fatal(err)
	}
	deployments, err := kube.List[appsv1.Deployment](s.t.Context(), s.cluster, kube.Deployments, s.namespace, "", "")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range configuration {
		if by, ok := strings.CutPrefix(c.Name, "made-by-"); ok {
			made = append(made, by)
		} else if v := c.Data["version"]; v != "" {
			all = append(all, v)
		}
	}
	stateful, err := kube.List[appsv1.StatefulSet](s.t.Context(), s.cluster, kube.StatefulSets, s.namespace, "", "")
	if err != nil {
		s.t.Fatal(err)
	}
	daemons, err := kube.List[appsv1.DaemonSet](s.t.Context(), s.cluster, kube.DaemonSets, s.namespace, "", "")
	if err != nil {
		s.t.Fatal(err)
	}
	of := func(pods corev1.PodTemplateSpec) { all = append(all, pods.Spec.Containers[0].Env[0].Value) }
	for _, d := range deployments {
		of(d.Spec.Template)
	}
	for _, d := range stateful {
		of(d.Spec.Template)
	}
	for _, d := range daemons {
		of(d.Spec.Template)
	}
	slices.Sort(made)
	return all, made
}

// entirely fails unless the environment is of one version, and the ledger says
// of the newest release what it should.
func (s *scene) entirely(version string, state ledger.State) {
	s.t.Helper()
	found, made := s.versions()
	for _, v := range found {
		if v != version {
			s.t.Errorf("the environment is %q, want all of it %s", found, version)
			break
		}
	}
	// Of each service its configuration and its Deployment: what is missing is of no version.
	want := 2 * len(s.services)
	if version == "" {
		want = 0
	}
	if len(found) != want {
		s.t.Errorf("the environment has %d objects, want %d: %q", len(found), want, found)
	}
	if stand := slices.Sorted(slices.Values(s.stand)); s.stand != nil && !slices.Equal(made, stand) {
		s.t.Errorf("there is what %q made, and %q stand", made, stand)
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
	if said := source(records); said != version {
		s.t.Errorf("the ledger says that %q is there, and it is %q", said, version)
	}
}

// source is which version the ledger, newest first, says that an environment is of.
func source(records []*ledger.Record) string {
	number := 0
	for _, r := range records {
		switch {
		case r.State != ledger.Released || number > 0 && r.Number != number:
			continue
		case r.RollbackTo == nil:
			return r.Source
		case *r.RollbackTo == 0:
			return ""
		}
		number = *r.RollbackTo
	}
	return ""
}

// TestRollbackToAnEarlierRelease goes back one release at a time, and over
// several at once.
func TestRollbackToAnEarlierRelease(t *testing.T) {
	t.Parallel()
	simulate(t)
	s := newScene(t, mortal(t))
	s.must("old", "run")
	s.must("new", "run")
	s.must("next", "run")
	if got := s.must("old", "rollback"); got != string(ledger.Released) {
		t.Errorf("a rollback ends as %s", got)
	}
	s.entirely("new", ledger.Released)
	s.more = []string{"--to", strconv.Itoa(Previous)}
	if out, err := s.run(0, "old", "rollback"); err == nil || !strings.Contains(out, "#4 rolled it back already, and it runs #2") {
		t.Errorf("a rollback that is made twice goes one release further: %v %s", err, out)
	}
	s.entirely("new", ledger.Released)
	s.more = []string{"--to", "1"}
	s.must("old", "rollback") // and once more: from the second release to the first
	s.more = nil
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

// simulated is the node of this process: another one that tests this package takes
// its own away when it ends.
var simulated = fmt.Sprintf("simulated-%d", os.Getpid())

// simulate makes a node of the cluster whose pods are only said to run, by
// kwok (sigs.k8s.io/kwok), for as long as the tests of this package need it.
func simulate(t *testing.T) {
	t.Helper()
	simulation.Do(func() {
		stop, err := simulateIn(t, kubetest.Cluster(t), testenv.Env(t)["KUBECONFIG"])
		if err != nil {
			t.Fatal(err)
		}
		atTheEnd(stop)
	})
}

// simulateIn makes such a node in a cluster, until it is told to stop.
func simulateIn(t *testing.T, cluster *kube.Cluster, kubeconfig string) (stop func(), err error) {
	t.Helper()
	kwok := testenv.Tool(t, "sigs.k8s.io/kwok/cmd/kwok", "v0.8.0")
	node := &kube.Object{Object: map[string]any{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{
			"name": simulated, "labels": map[string]any{"simulated": simulated},
			"annotations": map[string]any{"kwok.x-k8s.io/node": simulated},
		},
		"spec": map[string]any{"taints": []any{map[string]any{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}}},
	}}
	if _, err := cluster.Create(t.Context(), node); err != nil && !kube.Exists(err) {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, kwok, "--kubeconfig", kubeconfig, "--config", "testdata/kwok.yaml", "--manage-all-nodes=false",
		"--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node="+simulated)
	if err := cmd.Start(); err != nil {
		end()
		return nil, err
	}
	return func() {
		end()
		_ = cmd.Wait() // killed
		_ = cluster.Delete(context.Background(), node)
	}, nil
}

var (
	simulation sync.Once
	shared     sync.Mutex
	ends       []func() // what ends what all tests of this package share
)

// atTheEnd is done when all tests of this package have ended.
func atTheEnd(end func()) {
	shared.Lock()
	defer shared.Unlock()
	ends = append(ends, end)
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, end := range ends {
		end()
	}
	os.Exit(code)
}
