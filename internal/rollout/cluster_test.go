package rollout

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"text/template"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/testenv/testenv"
)

// server is a real service: it answers /health with what its environment says. With
// EXIT_AFTER it ends so long after it was first asked for its health: until then it
// has the time that a busy machine takes to start it.
const server = `
const http = require("http");
if (process.env.EXIT) { console.log("cannot start: \x1b[31m" + process.env.EXIT + "\x1b[0m"); process.exit(3); }
if (process.env.NOISE) { console.log("x".repeat(200000)); for (let n = 0; n < process.env.NOISE; n += 100) console.log("y".repeat(99)); }
if (process.env.LOG) console.log(process.env.LOG);
let left = process.env.EXIT_AFTER;
http.createServer((q, s) => {
  if (q.url === "/health" && left) { setTimeout(() => process.exit(4), Number(left)); left = ""; }
  s.statusCode = q.url === "/ready" ? (process.env.UNREADY ? 503 : 200) : Number(process.env.HEALTH || 200);
  s.end(process.env.VERSION);
}).listen(8080);
process.on("SIGTERM", () => process.exit(0));
`

// app is one service of a test's platform.
type app struct {
	Name, Image string
	Env         map[string]string
	Replicas    int
	Port        int
	Secret      string
	// What its Service selects and leads to; its pods and their port if empty.
	Selects, Target string
}

var manifest = template.Must(template.New("app").Parse(`
apiVersion: v1
kind: Service
metadata: {name: {{.Name}}}
spec: {selector: {app: {{or .Selects .Name}}}, ports: [{port: 80, targetPort: {{or .Target "http"}}}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{.Name}}-config}
data: {VERSION: "{{.Env.VERSION}}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{.Name}}}
spec:
  {{if .Replicas}}replicas: {{.Replicas}}{{end}}
  selector: {matchLabels: {app: {{.Name}}}}
  template:
    metadata: {labels: {app: {{.Name}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: app
          image: {{.Image}}
          command: [node, -e, {{printf "%q" .Script}}]
          ports: [{name: http, containerPort: {{.Port}}}]
          readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}
          env: [{{range $k, $v := .Env}}{name: {{$k}}, value: "{{$v}}"},{{end}}]
          {{if .Secret}}envFrom: [{secretRef: {name: {{.Secret}}}}]{{end}}
`))

func (a app) Script() string { return server }

// scene is a namespace of its own and what is released into it.
type scene struct {
	t         *testing.T
	cluster   *kube.Cluster
	namespace string
	progress  []Progress
}

func newScene(t *testing.T) *scene {
	c := kubetest.Cluster(t)
	return &scene{t: t, cluster: c, namespace: testenv.Namespace(t)}
}

// options are those of a release of the apps, in their order.
func (s *scene) options(apps ...app) Options {
	s.t.Helper()
	var text bytes.Buffer
	o := Options{Cluster: s.cluster, Namespace: s.namespace, Deadline: 60 * time.Second}
	for _, a := range apps {
		if a.Image == "" {
			a.Image = "node:22-bookworm-slim"
		}
		if a.Port == 0 {
			a.Port = 8080
		}
		text.WriteString("---\n")
		if err := manifest.Execute(&text, a); err != nil {
			s.t.Fatal(err)
		}
		o.Services = append(o.Services, Service{Name: a.Name, Port: a.Port, Health: "/health"})
	}
	var err error
	o.Objects, err = kube.Render(context.Background(), kube.Source{Name: "test", Text: text.Bytes()}, kube.RenderOptions{Namespace: s.namespace})
	if err != nil {
		s.t.Fatal(err)
	}
	o.Was = func(_ context.Context, service string) (Service, error) {
		return Service{Name: service, Port: 8080, Health: "/health"}, nil
	}
	s.progress = nil
	o.Progress = func(p Progress) { s.progress = append(s.progress, p) }
	return o
}

// deploy releases the apps, which must work.
func (s *scene) deploy(apps ...app) *Result {
	s.t.Helper()
	result, err := Deploy(s.t.Context(), s.options(apps...))
	if err != nil {
		s.t.Fatalf("%v\n%v", err, result.Failure)
	}
	return result
}

// versions is what runs: for each Deployment its VERSION and the UIDs of its pods.
func (s *scene) versions() map[string]string {
	s.t.Helper()
	list, err := kube.List[appsv1.Deployment](s.t.Context(), s.cluster, kube.Deployments, s.namespace, "", "")
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]string{}
	for _, d := range list {
		out[d.Name] = variable(d.Spec.Template.Spec.Containers[0], "VERSION") + fmt.Sprintf(" %d/%d", d.Status.AvailableReplicas, d.Status.Replicas)
	}
	return out
}

func variable(c corev1.Container, name string) string {
	for _, e := range c.Env {
		if e.Name == name {
			return e.Value
		}
	}
	return ""
}

func (s *scene) configMap(name string) map[string]string {
	s.t.Helper()
	found, err := kube.GetOne[corev1.ConfigMap](s.t.Context(), s.cluster, kube.ConfigMaps, s.namespace, name)
	if err != nil {
		s.t.Fatal(err)
	}
	if found == nil {
		return nil
	}
	return found.Data
}

func version(name, v string) app { return app{Name: name, Env: map[string]string{"VERSION": v}} }

// with adds an environment variable.
func (a app) with(name, value string) app {
	env := map[string]string{name: value}
	for k, v := range a.Env {
		env[k] = v
	}
	a.Env = env
	return a
}

// objects are those of a text, in the scene's namespace.
func (s *scene) objects(text string) []*kube.Object {
	s.t.Helper()
	objects, err := kube.Render(s.t.Context(), kube.Source{Name: "test", Text: []byte(text)}, kube.RenderOptions{Namespace: s.namespace})
	if err != nil {
		s.t.Fatal(err)
	}
	return objects
}
