package rollout

import (
	"errors"
	"strings"
	"testing"
	"text/template"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
			result, err := Deploy(t.Context(), s.kindOptions(kind, map[string]string{"VERSION": "3", "EXIT": "no disk"}))
			var failure *Failure
			if !errors.As(err, &failure) || !strings.Contains(failure.Reason, "code 3") || !strings.Contains(strings.Join(failure.Logs, " "), "no disk") {
				t.Fatalf("err = %v", err)
			}
			if len(result.Undone) != 1 || !result.Undone[0].Verified || result.Undone[0].Action != "restored" {
				t.Fatalf("undone = %+v", result.Undone)
			}
			answer, err := Inspect(t.Context(), s.kindOptions(kind, nil))
			if err != nil || answer.Services[0].Pods == 0 {
				t.Errorf("after the undo: %v, %+v", err, answer.Services)
			}
		})
	}
}

// What decides about the other kinds, in all their states.
func TestAssessOtherKinds(t *testing.T) {
	two, one := int32(2), int32(1)
	set := func(change func(*appsv1.StatefulSet)) workload {
		s := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{UID: "w", Generation: 3}}
		s.Spec.Replicas = &two
		s.Status = appsv1.StatefulSetStatus{ObservedGeneration: 3, UpdateRevision: "new", Replicas: 2, ReadyReplicas: 2, AvailableReplicas: 2}
		change(s)
		return statefulSet{s}
	}
	daemons := func(change func(*appsv1.DaemonSet)) workload {
		d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{UID: "w", Generation: 3, Annotations: map[string]string{appsv1.DeprecatedTemplateGeneration: "2"}}}
		d.Status = appsv1.DaemonSetStatus{ObservedGeneration: 3, DesiredNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberAvailable: 2}
		change(d)
		return daemonSet{d}
	}
	work := func(change func(*batchv1.Job)) workload {
		j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{UID: "w", Generation: 3}}
		change(j)
		return job{j}
	}
	pod := func(revision string, isReady bool) *corev1.Pod {
		p := newPod("w-"+revision, "w")
		p.Labels = map[string]string{appsv1.ControllerRevisionHashLabelKey: revision, templateGeneration: map[string]string{"new": "2", "old": "1"}[revision]}
		if isReady {
			makeReady(p)
		}
		return p
	}
	done, failed := batchv1.JobCondition{Type: batchv1.JobComplete, Status: "True"}, batchv1.JobCondition{Type: batchv1.JobFailed, Status: "True", Message: "BackoffLimitExceeded"}
	for _, tt := range []struct {
		name  string
		w     workload
		pods  []*corev1.Pod
		waits string // "" when it has converged
		fails string
	}{
		{"set converged", set(func(*appsv1.StatefulSet) {}), []*corev1.Pod{pod("new", true), pod("new", true)}, "", ""},
		{"set in the middle", set(func(*appsv1.StatefulSet) {}), []*corev1.Pod{pod("old", true), pod("new", true)}, "1 of 2 new pods exist", ""},
		{"set not ready", set(func(*appsv1.StatefulSet) {}), []*corev1.Pod{pod("new", true), pod("new", false)}, "1 of 2 new pods are ready", ""},
		{"set not seen", set(func(s *appsv1.StatefulSet) { s.Status.ObservedGeneration = 2 }), []*corev1.Pod{pod("new", true), pod("new", true)}, notSeen, ""},
		{"set that keeps one pod", set(func(s *appsv1.StatefulSet) {
			s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: &one}
		}), []*corev1.Pod{pod("old", true), pod("new", true)}, "", ""},
		{"set whose old pod is not ready", set(func(s *appsv1.StatefulSet) {
			s.Status.ReadyReplicas = 1
			s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: &one}
		}), []*corev1.Pod{pod("old", false), pod("new", true)}, "1 of 2 pods are ready", ""},
		{"set that nobody replaces", set(func(s *appsv1.StatefulSet) { s.Spec.UpdateStrategy.Type = "OnDelete" }), []*corev1.Pod{pod("old", true), pod("old", true)}, "", "OnDelete"},
		{"daemons converged", daemons(func(*appsv1.DaemonSet) {}), []*corev1.Pod{pod("new", true), pod("new", true)}, "", ""},
		{"daemons in the middle", daemons(func(d *appsv1.DaemonSet) { d.Status.UpdatedNumberScheduled = 1 }), []*corev1.Pod{pod("old", true), pod("new", true)}, "1 of 2 new pods exist", ""},
		{"daemons not available", daemons(func(d *appsv1.DaemonSet) { d.Status.NumberAvailable = 1 }), []*corev1.Pod{pod("new", true), pod("new", true)}, "not yet available", ""},
		{"daemons on no node", daemons(func(d *appsv1.DaemonSet) { d.Status = appsv1.DaemonSetStatus{ObservedGeneration: 3} }), nil, "", ""},
		{"daemons that nobody replaces", daemons(func(d *appsv1.DaemonSet) { d.Spec.UpdateStrategy.Type = "OnDelete" }), []*corev1.Pod{pod("old", true)}, "", "OnDelete"},
		{"job runs", work(func(*batchv1.Job) {}), []*corev1.Pod{pod("new", true)}, "0 of 1 runs succeeded", ""},
		{"job is done", work(func(j *batchv1.Job) { j.Status.Conditions = []batchv1.JobCondition{done} }), nil, "", ""},
		{"job failed", work(func(j *batchv1.Job) { j.Status.Conditions = []batchv1.JobCondition{failed} }), nil, "", "BackoffLimitExceeded"},
		{"job tries again", work(func(*batchv1.Job) {}), []*corev1.Pod{crashed(pod("new", false), 5)}, "0 of 1 runs succeeded", ""},
	} {
		v := assess(state{workload: tt.w, pods: tt.pods, generation: 3})
		switch {
		case (v.failure != nil) != (tt.fails != "") || v.failure != nil && !strings.Contains(v.failure.reason, tt.fails):
			t.Errorf("%s: %+v", tt.name, v.failure)
		case v.failure == nil && (v.done != (tt.waits == "") || !strings.Contains(v.waiting, tt.waits)):
			t.Errorf("%s: %+v", tt.name, v)
		}
	}
	stuck := set(func(*appsv1.StatefulSet) {}).(statefulSet)
	if got := stuck.stuck([]*corev1.Pod{pod("old", false), pod("old", true), pod("new", false)}); len(got) != 1 || got[0].Name != "w-old" {
		t.Errorf("stuck: %v", got)
	}
	stuck.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
	if got := stuck.stuck([]*corev1.Pod{pod("old", false)}); len(got) != 0 {
		t.Errorf("stuck, in parallel: %v", got)
	}
}

func crashed(p *corev1.Pod, times int32) *corev1.Pod {
	p.Status.ContainerStatuses[0].RestartCount = times
	p.Status.ContainerStatuses[0].State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}
	return p
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
