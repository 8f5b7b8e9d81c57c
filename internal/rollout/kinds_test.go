package rollout

import (
	"errors"
	"strings"
	"testing"
	"text/template"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/teei/slipway/internal/kube"
)

var kindManifest = template.Must(template.New("kind").Parse(`
apiVersion: apps/v1
kind: {{.Kind}}
metadata: {name: store}
spec:
  {{if eq .Kind "StatefulSet"}}{serviceName: store, replicas: 2, {{else}}{ {{end}}
  selector: {matchLabels: {app: store}},
  template: {metadata: {labels: {app: store}}, spec: {terminationGracePeriodSeconds: 1, containers: [{
    name: app, image: node:22-bookworm-slim, command: [node, -e, {{printf "%q" .Script}}],
    readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1},
    env: [{{range $k, $v := .Env}}{name: {{$k}}, value: "{{$v}}"},{{end}}]}]}}}
`))

// kindOptions release a service whose workload is of another kind.
func (s *scene) kindOptions(kind string, env map[string]string) Options {
	s.t.Helper()
	o := Options{Cluster: s.cluster, Namespace: s.namespace, Deadline: time.Minute}
	o.Services = []Service{{Name: "store", Port: 8080, Health: "/health"}}
	o.Objects = s.render(kindManifest, map[string]any{"Kind": kind, "Env": env, "Script": server})
	return o
}

func (s *scene) render(text *template.Template, data any) []*kube.Object {
	s.t.Helper()
	var out strings.Builder
	if err := text.Execute(&out, data); err != nil {
		s.t.Fatal(err)
	}
	objects, err := kube.Render(s.t.Context(), kube.Source{Name: "test", Text: []byte(out.String())}, kube.RenderOptions{Namespace: s.namespace})
	if err != nil {
		s.t.Fatal(err)
	}
	return objects
}

// Each kind converges, fails fast and goes back by its own rules. The broken
// StatefulSet leaves a pod behind that its controller would wait for for ever.
func TestDeployOtherKinds(t *testing.T) {
	for _, kind := range []string{"StatefulSet", "DaemonSet"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			for _, v := range []string{"1", "2"} {
				result, err := Deploy(t.Context(), s.kindOptions(kind, map[string]string{"VERSION": v}))
				if err != nil || !result.Services[0].Healthy || !result.Services[0].Changed {
					t.Fatalf("version %s: %v, %+v", v, err, result)
				}
			}
			same, err := Deploy(t.Context(), s.kindOptions(kind, map[string]string{"VERSION": "2"}))
			if err != nil || same.Services[0].Changed {
				t.Fatalf("the same again: %v, %+v", err, same.Services)
			}
			start := time.Now()
			result, err := Deploy(t.Context(), s.kindOptions(kind, map[string]string{"VERSION": "3", "EXIT": "no disk"}))
			var failure *Failure
			if !errors.As(err, &failure) || !strings.Contains(failure.Reason, "code 3") || !strings.Contains(strings.Join(failure.Logs, " "), "no disk") {
				t.Fatalf("err = %v", err)
			}
			if len(result.Undone) != 1 || !result.Undone[0].Verified || result.Undone[0].Action != "restored" {
				t.Fatalf("undone = %+v", result.Undone)
			}
			if took := time.Since(start); took > 50*time.Second {
				t.Errorf("failed and back after %s", took)
			}
			answer, err := Inspect(t.Context(), s.kindOptions(kind, nil))
			if err != nil || answer.Services[0].Pods == 0 {
				t.Errorf("after the undo: %v, %+v", err, answer.Services)
			}
			broken := s.kindOptions(kind, map[string]string{"VERSION": "2"})
			for _, obj := range broken.Objects {
				setField(t, obj, "OnDelete", "spec", "updateStrategy", "type")
				setField(t, obj, nil, "spec", "updateStrategy", "rollingUpdate")
				setField(t, obj, "other", "spec", "template", "metadata", "annotations", "changed")
			}
			if _, err := Deploy(t.Context(), broken); err == nil || !strings.Contains(err.Error(), "OnDelete") {
				t.Errorf("OnDelete: %v", err)
			}
		})
	}
}

func setField(t *testing.T, obj *kube.Object, value any, path ...string) {
	t.Helper()
	at := obj.Object
	for _, name := range path[:len(path)-1] {
		next, ok := at[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[name] = next
		}
		at = next
	}
	at[path[len(path)-1]] = value
}

var jobManifest = template.Must(template.New("job").Parse(`
apiVersion: batch/v1
kind: Job
metadata: {name: seed}
spec:
  backoffLimit: 0
  template: {spec: {restartPolicy: Never, terminationGracePeriodSeconds: 1, containers: [{
    name: seed, image: node:22-bookworm-slim, command: [node, -e, {{printf "%q" .}}]}]}}
`))

// A Job among the manifests is done before any service is touched, another one
// takes its place, and what failed is taken away.
func TestDeployJob(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	deploy := func(script string, apps ...app) (*Result, error) {
		o := s.options(apps...)
		o.Objects = append(s.render(jobManifest, script), o.Objects...)
		return Deploy(t.Context(), o)
	}
	if _, err := deploy(`console.log("seeded")`, version("gateway", "1")); err != nil {
		t.Fatal(err)
	}
	first := s.job("seed")
	if _, err := deploy(`console.log("seeded")`, version("gateway", "2")); err != nil || s.job("seed").UID != first.UID {
		t.Fatalf("the same Job again: %v, %s and before %s", err, s.job("seed").UID, first.UID)
	}
	result, err := deploy(`console.log("seeded anew")`, version("gateway", "2"))
	if err != nil || s.job("seed").UID == first.UID || result.Objects[0].Action != "replaced" {
		t.Fatalf("another Job: %v, %+v", err, result.Objects)
	}
	result, err = deploy(`console.log("no seeds"); process.exit(4)`, version("gateway", "3"))
	var failure *Failure
	if !errors.As(err, &failure) || failure.ExitCode == nil || *failure.ExitCode != 4 || !strings.Contains(strings.Join(failure.Logs, " "), "no seeds") {
		t.Fatalf("a Job that fails: %v, %+v", err, failure)
	}
	if s.job("seed") != nil || s.versions()["gateway"] != "2 1/1" {
		t.Errorf("left: %v, %v", s.job("seed"), s.versions())
	}
	for _, u := range result.Undone {
		if !u.Verified {
			t.Errorf("%+v", u)
		}
	}
}

func (s *scene) job(name string) *batchv1.Job {
	s.t.Helper()
	j, err := kube.GetOne[batchv1.Job](s.t.Context(), s.cluster, kube.Jobs, s.namespace, name)
	if err != nil {
		s.t.Fatal(err)
	}
	return j
}
