package kube

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func render(t *testing.T, text string, o RenderOptions) ([]*Object, error) {
	t.Helper()
	return Render(context.Background(), Source{Name: "release.yaml", Text: []byte(text)}, o)
}

func TestRenderHostileYAML(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "", "they have no object"},
		{"only comments", "# a\n---\n# b\n", "they have no object"},
		{"no kind", "apiVersion: v1\nmetadata: {name: a}", "release.yaml, document 1: it has no kind"},
		{"no apiVersion", "---\nkind: Pod\nmetadata: {name: a}", "document 1: Pod has no apiVersion"},
		{"no name", "{apiVersion: v1, kind: Pod, metadata: {}}", "Pod has no metadata.name"},
		{"no metadata", "{apiVersion: v1, kind: Pod}", "Pod has no metadata"},
		{"generated name", "{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}", "generateName"},
		{"a list at the top", "- a\n- b", "not an object"},
		{"a word", "hello", "not an object"},
		{"not YAML", "a: [", "document 1"},
		{"key twice", "apiVersion: v1\nkind: Pod\nkind: Pod\n", "already set in map"},
		{"same object twice", "{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Pod, metadata: {name: a}}", "Pod/prod/a is there twice: release.yaml, document 1 and release.yaml, document 2"},
		{"item without kind", "{apiVersion: v1, kind: List, items: [{apiVersion: v1}]}", "document 1, item 1: it has no kind"},
		{"namespace is a number", "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: 1}}", "not a text"},
		{"nested too deep", "{apiVersion: v1, kind: X, metadata: {name: a}, x: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}", "levels deep"},
		{"too many", strings.Repeat("---\n{apiVersion: v1, kind: Pod, metadata: {name: a}}\n", 2001), "more than 2000 objects"},
		{"too large", "x: " + strings.Repeat("y", maxText), "larger than 16 MiB"},
		{"alias bomb", bomb(), "document 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := render(t, tt.text, RenderOptions{Namespace: "prod"})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %.300v, want %q in it", err, tt.want)
			}
		})
	}
}

// bomb is a few hundred bytes that mean gigabytes.
func bomb() string {
	var out strings.Builder
	out.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		n := string(rune('a' + i))
		p := string(rune('a' + i - 1))
		if i == 1 {
			p = "a0"
		}
		out.WriteString(n + ": &" + n + " [" + strings.Repeat("*"+p+", ", 8) + "*" + p + "]\n")
	}
	return out.String()
}

func TestRenderPlacesSortsAndSetsImages(t *testing.T) {
	objects, err := render(t, `
apiVersion: v1
kind: List
items:
  - {apiVersion: apps/v1, kind: Deployment, metadata: {name: api}, spec: {template: {spec: {containers: [{name: a, image: "teei/api:dev"}, {name: b, image: "localhost:5000/side"}], initContainers: [{name: i, image: teei/api}]}}}}
  - {apiVersion: v1, kind: Service, metadata: {name: api, namespace: teei}}
--- # a comment
{apiVersion: v1, kind: Namespace, metadata: {name: teei}}
---
{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {KEY: value}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: runner}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: rb}, subjects: [{kind: ServiceAccount, name: runner, namespace: teei}, {kind: ServiceAccount, name: stranger, namespace: kept}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: cr}}
`, RenderOptions{Namespace: "prod", WrittenFor: "teei", Images: map[string]string{"teei/api": "registry/teei/api" + digest}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	byKind := map[string]*Object{}
	for _, obj := range objects {
		got = append(got, ID(obj))
		byKind[obj.GetKind()] = obj
		if obj.GetLabels()["app.kubernetes.io/managed-by"] != "slipway" {
			t.Errorf("%s is not labelled", ID(obj))
		}
	}
	want := "Namespace/prod ServiceAccount/prod/runner ClusterRole/cr RoleBinding/prod/rb Secret/prod/s Service/prod/api Deployment/prod/api"
	if strings.Join(got, " ") != want {
		t.Errorf("order\n got %s\nwant %s", strings.Join(got, " "), want)
	}
	if images := strings.Join(Images(byKind["Deployment"]), " "); images != "registry/teei/api"+digest+" localhost:5000/side registry/teei/api"+digest {
		t.Errorf("images = %s", images)
	}
	if data, err := DataOf(byKind["Secret"]); err != nil || data["KEY"] != "value" || byKind["Secret"].Object["stringData"] != nil {
		t.Errorf("secret = %v, %v", data, err)
	}
	subjects := byKind["RoleBinding"].Object["subjects"].([]any)
	for i, namespace := range []string{"prod", "kept"} {
		if subjects[i].(map[string]any)["namespace"] != namespace {
			t.Errorf("subject %d = %v", i, subjects[i])
		}
	}
}

func TestRenderImageMistakes(t *testing.T) {
	text := `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: "host:5000/a/b:1"}]}}`
	if _, err := render(t, text, RenderOptions{Images: map[string]string{"teei/absent": "x" + digest}}); err == nil || !strings.Contains(err.Error(), "no object of the manifests uses teei/absent") {
		t.Errorf("unused: %v", err)
	}
	if _, err := render(t, text, RenderOptions{Images: map[string]string{"host:5000/a/b": "x:latest"}}); err == nil || !strings.Contains(err.Error(), "no digest") {
		t.Errorf("tag: %v", err)
	}
}

func TestRenderKustomizeAndFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("base/kustomization.yaml", "resources: [pod.yaml]\n")
	write("base/pod.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: 'x:1'}]}}")
	write("overlays/prod/kustomization.yaml", "resources: [../../base]\nnamePrefix: prod-\nconfigMapGenerator: [{name: c, literals: [A=1]}]\n")
	ctx := context.Background()

	objects, err := Render(ctx, Source{Kustomize: filepath.Join(dir, "overlays/prod")}, RenderOptions{Namespace: "n"})
	if err != nil || len(objects) != 2 || objects[1].GetName() != "prod-a" || !strings.HasPrefix(objects[0].GetName(), "prod-c-") {
		t.Errorf("kustomize: %v, %v", objects, err)
	}
	if _, err := Render(ctx, Source{Kustomize: filepath.Join(dir, "absent")}, RenderOptions{}); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("absent folder: %v", err)
	}
	for _, pattern := range []string{filepath.Join(dir, "base/pod.yaml"), filepath.Join(dir, "**/pod.yaml"), filepath.Join(dir, "*/po*.yaml")} {
		if objects, err := Render(ctx, Source{Files: []string{pattern}}, RenderOptions{}); err != nil || len(objects) != 1 {
			t.Errorf("%s: %v, %v", pattern, objects, err)
		}
	}
	if _, err := Render(ctx, Source{Files: []string{filepath.Join(dir, "none*.yaml")}}, RenderOptions{}); err == nil || !strings.Contains(err.Error(), "no file matches") {
		t.Errorf("no match: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n"))
	f.Add([]byte("--- {apiVersion: v1, kind: List, items: [{}]}"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		objects, err := parse("f", text)
		for _, l := range objects {
			if err == nil && (l.obj.GetKind() == "" || l.obj.GetName() == "" || l.obj.GetAPIVersion() == "") {
				t.Fatalf("%q gave %v", text, l.obj)
			}
		}
	})
}
