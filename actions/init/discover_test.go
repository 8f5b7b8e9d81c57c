package scaffold

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/teei/slipway/internal/platform"
)

// FuzzDiscover: whatever a repository's files hold, what init writes is a
// slipway.yaml that is read back without a problem.
func FuzzDiscover(f *testing.F) {
	f.Add([]byte(`{"name": "x", "scripts": {"start": "node ."}, "dependencies": {"pg": "8"}}`),
		[]byte("services:\n  db: {image: 'postgres:17'}\n  x: {build: {context: a, dockerfile: b/Dockerfile}, ports: ['80:8080']}\n"),
		[]byte("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: {spec: {containers: [{image: x, ports: [{containerPort: 1}], readinessProbe: {httpGet: {path: /h}}}]}}}\n"))
	f.Add([]byte(`{"workspaces": ["*"]}`), []byte("services: {a: {build: .}}"), []byte("apiVersion: v1\nkind: X\n"))
	f.Fuzz(func(t *testing.T, manifest, compose, objects []byte) {
		root := t.TempDir()
		for name, data := range map[string][]byte{"package.json": manifest, "compose.yaml": compose, "k8s/all.yaml": objects, "x/Dockerfile": nil, "k8s/overlays/a/kustomization.yaml": objects} {
			name = filepath.Join(root, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, data, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		found, err := discover(context.Background(), root)
		if err != nil {
			var usage *platform.UsageError
			if !errors.As(err, &usage) || usage.Advice == "" {
				t.Fatalf("no error with a hint: %v", err)
			}
			return
		}
		text := render(found)
		if _, err := platform.Parse(platform.File, []byte(text)); err != nil {
			t.Fatalf("%v in:\n%s", err, text)
		}
	})
}
