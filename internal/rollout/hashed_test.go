package rollout

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"text/template"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

var hashedManifest = template.Must(template.New("hashed").Parse(`
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {VERSION: "{{.Version}}", EXIT: "{{.Exit}}"}
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
        - name: app
          image: node:22-bookworm-slim
          command: [node, -e, {{printf "%q" .Script}}]
          readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}
          envFrom: [{configMapRef: {name: settings}}]
`))

// Configuration under hashed names: a change of it alone replaces the pods, the
// plan shows what changed, the old one stays for the pods that go back to it, and
// what a failed release made of it is gone.
func TestHashedConfiguration(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	options := func(version, exit string) Options {
		objects := s.render(hashedManifest, map[string]string{"Version": version, "Exit": exit, "Script": server})
		if err := kube.HashConfiguration(objects); err != nil {
			t.Fatal(err)
		}
		return Options{Cluster: s.cluster, Namespace: s.namespace, Objects: objects, Services: []Service{{Name: "web", Port: 8080, Health: "/health"}}}
	}
	said := func() string {
		answer, err := s.cluster.GetPod(t.Context(), s.namespace, s.pod(), 8080, "/")
		if err != nil {
			t.Fatal(err)
		}
		return string(answer.Body)
	}
	for _, version := range []string{"1", "2"} {
		if result, err := Deploy(t.Context(), options(version, "")); err != nil || !result.Services[0].Changed {
			t.Fatalf("version %s: %v", version, err)
		}
		if got := said(); got != version {
			t.Errorf("the pod has configuration %s, want %s", got, version)
		}
	}
	differences, err := Preview(t.Context(), options("3", ""))
	if err != nil {
		t.Fatal(err)
	}
	before, after := differences[0].States()
	want := func(version string) map[string]any {
		return map[string]any{"data": map[string]any{"VERSION": version, "EXIT": ""}}
	}
	if differences[0].Former == nil || !reflect.DeepEqual(before, want("2")) || !reflect.DeepEqual(after, want("3")) {
		t.Errorf("the plan would show %v, then %v", before, after)
	}
	kept := s.configurations()
	if _, err := Deploy(t.Context(), options("3", "no reason")); err == nil {
		t.Fatal("a configuration that kills the service was released")
	}
	if now := s.configurations(); len(now) != 2 || !slices.Equal(now, kept) {
		t.Errorf("configurations %v, before %v", now, kept)
	}
	if got := said(); got != "2" {
		t.Errorf("after the undo the pod has configuration %s", got)
	}
}

// configurations are the names of the hashed ConfigMaps.
func (s *scene) configurations() (names []string) {
	s.t.Helper()
	list, err := kube.List[corev1.ConfigMap](s.t.Context(), s.cluster, kube.ConfigMaps, s.namespace, kube.ConfigurationLabel+"=settings", "")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range list {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}

// pod is the one that is ready and stays.
func (s *scene) pod() string {
	s.t.Helper()
	list, err := kube.List[corev1.Pod](s.t.Context(), s.cluster, kube.Pods, s.namespace, "", "")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range list {
		if p.DeletionTimestamp == nil && ready(p) && strings.HasPrefix(p.Name, "web-") {
			return p.Name
		}
	}
	s.t.Fatal("no pod is ready")
	return ""
}
