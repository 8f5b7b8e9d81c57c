package kube_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/testenv/testenv"
)

func render(t *testing.T, namespace, text string) []*kube.Object {
	t.Helper()
	objects, err := kube.Render(t.Context(), kube.Source{Name: "test", Text: []byte(text)}, kube.RenderOptions{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func apply(t *testing.T, c *kube.Cluster, objects []*kube.Object) {
	t.Helper()
	for _, obj := range objects {
		if _, err := c.Apply(t.Context(), obj, kube.ApplyOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestApplyNamesTheOtherManager(t *testing.T) {
	t.Parallel()
	c, namespace := kubetest.Cluster(t), testenv.Namespace(t)
	testenv.Kubectl(t, "-n", namespace, "create", "configmap", "settings", "--from-literal=MODE=theirs")
	objects := render(t, namespace, `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {MODE: ours}}`)
	_, err := c.Apply(t.Context(), objects[0], kube.ApplyOptions{})
	var conflict *kube.ConflictError
	if !errors.As(err, &conflict) || conflict.Conflicts[0] != (kube.Conflict{Manager: "kubectl-create", Field: ".data.MODE"}) {
		t.Errorf("err = %#v", err)
	}
	if _, err := c.Apply(t.Context(), objects[0], kube.ApplyOptions{Force: true, DryRun: true}); err != nil {
		t.Errorf("forced: %v", err)
	}
	live, err := c.Read(t.Context(), objects[0])
	if data, _ := kube.DataOf(live); err != nil || data["MODE"] != "theirs" {
		t.Errorf("a dry run wrote %v, %v", data, err)
	}
}

func TestForbiddenNamesVerbAndResource(t *testing.T) {
	t.Parallel()
	namespace := testenv.Namespace(t)
	testenv.Kubectl(t, "-n", namespace, "create", "serviceaccount", "guest")
	token := strings.TrimSpace(testenv.Kubectl(t, "-n", namespace, "create", "token", "guest"))
	flat, server, err := kube.Flatten(testenv.Env(t)["KUBECONFIG"], kube.FlattenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := kube.Connect(t.Context(), guest(t, flat, server, token), "guest")
	if err != nil {
		t.Fatal(err)
	}
	objects := render(t, namespace, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`)
	_, err = c.Apply(t.Context(), objects[0], kube.ApplyOptions{})
	if err == nil || !strings.Contains(err.Error(), `cannot patch resource "configmaps"`) || !kube.Refused(err) {
		t.Errorf("err = %v", err)
	}
	if _, err := kube.Connect(t.Context(), guest(t, flat, server, "wrong"), "guest"); !errors.As(err, new(*kube.UnauthorizedError)) {
		t.Errorf("wrong token: %v", err)
	}
}

// guest is the kubeconfig with only a token.
func guest(t *testing.T, flat []byte, server, token string) []byte {
	t.Helper()
	var ca string
	for line := range strings.Lines(string(flat)) {
		if strings.Contains(line, "certificate-authority-data:") {
			ca = strings.TrimSpace(line)
		}
	}
	return []byte("apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: " + server + "\n    " + ca +
		"\nusers:\n- name: u\n  user:\n    token: " + token + "\ncontexts:\n- name: guest\n  context: {cluster: c, user: u}\n")
}

func TestUnknownKind(t *testing.T) {
	t.Parallel()
	c := kubetest.Cluster(t)
	_, err := c.Apply(t.Context(), render(t, "default", `{apiVersion: example.org/v1, kind: Boat, metadata: {name: a}}`)[0], kube.ApplyOptions{})
	if err == nil || !strings.Contains(err.Error(), "the cluster has no kind Boat in example.org/v1") {
		t.Errorf("err = %v", err)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	c, namespace := kubetest.Cluster(t), testenv.Namespace(t)
	changed := make(chan struct{}, 1)
	m, err := kube.Follow[corev1.ConfigMap](t.Context(), c, kube.ConfigMaps, namespace, func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		late := time.After(10 * time.Second)
		for !ok() {
			select {
			case <-changed:
			case <-late:
				t.Fatalf("not seen: %s (%v)", what, m.Err())
			}
		}
	}
	objects := render(t, namespace, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {K: v}}`)
	apply(t, c, objects)
	until("created", func() bool { return m.Get("a") != nil && m.Get("a").Data["K"] == "v" })
	if err := c.Delete(t.Context(), objects[0]); err != nil {
		t.Fatal(err)
	}
	until("deleted", func() bool { return m.Get("a") == nil })
}

// A pod is asked in every way there is: itself, through its Service, through a
// tunnel (which alone carries Authorization), and for its log and events.
func TestPod(t *testing.T) {
	t.Parallel()
	c, namespace := kubetest.Cluster(t), testenv.Namespace(t)
	apply(t, c, render(t, namespace, `
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: app
      image: node:22-bookworm-slim
      command: [node, -e, 'console.log("up"); require("http").createServer((q, s) => q.url === "/away" ? s.writeHead(302, {location: "/"}).end() : s.end(String(q.headers.authorization) + " " + q.url)).listen(8080)']
      readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
`))
	ctx, stop := context.WithTimeout(t.Context(), 60*time.Second)
	defer stop()
	tunnel := waitFor(t, ctx, func() (*kube.Tunnel, error) { return c.TunnelToService(ctx, namespace, "web") })
	defer tunnel.Close()

	for name, ask := range map[string]func() (*kube.Answer, error){
		"pod":     func() (*kube.Answer, error) { return c.GetPod(ctx, namespace, "web", 8080, "/a?b=c") },
		"service": func() (*kube.Answer, error) { return c.GetService(ctx, namespace, "web", "80", "/a?b=c") },
	} {
		if answer, err := ask(); err != nil || answer.Status != 200 || string(answer.Body) != "undefined /a?b=c" {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
	}
	if answer, err := c.GetPod(ctx, namespace, "web", 8080, "/away"); err != nil || answer.Status != 302 {
		t.Errorf("redirect: %v, %v", answer, err)
	}
	client := &http.Client{Transport: tunnel.Transport(), Timeout: 10 * time.Second}
	for range 3 {
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://web/x", nil)
		request.Header.Set("Authorization", "Bearer abc")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(body) != "Bearer abc /x" {
			t.Errorf("tunnel: %q, %v", body, err)
		}
	}
	if log, err := c.Logs(ctx, namespace, "web", kube.LogOptions{}); err != nil || string(log) != "up\n" {
		t.Errorf("log: %q, %v", log, err)
	}
	pod, err := kube.GetOne[corev1.Pod](ctx, c, kube.Pods, namespace, "web")
	if err != nil {
		t.Fatal(err)
	}
	if events, err := c.EventsOf(ctx, namespace, string(pod.UID)); err != nil || len(events) == 0 || events[0].Reason == "" {
		t.Errorf("events: %v, %v", events, err)
	}
	deaf, err := c.TunnelToPod(ctx, namespace, "web", 9)
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	client = &http.Client{Transport: deaf.Transport(), Timeout: 10 * time.Second}
	if response, err := client.Get("http://web/"); err == nil {
		response.Body.Close()
		t.Error("a port where nobody listens answered")
	}
}

func waitFor[T any](t *testing.T, ctx context.Context, try func() (T, error)) T {
	t.Helper()
	for {
		out, err := try()
		if err == nil {
			return out
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
