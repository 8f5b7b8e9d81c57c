package rollout

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/testenv/testenv"
)

const page = `
apiVersion: v1
kind: ConfigMap
metadata: {name: page}
data: {TITLE: "one", OLD: "left over"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: page}
spec:
  replicas: 0
  selector: {matchLabels: {app: page}}
  template:
    metadata: {labels: {app: page}}
    spec: {containers: [{name: app, image: "example.org/page:1", env: [{name: A, value: "1"}]}]}
`

// What kubectl or Helm put there is in the way of the first release; after it
// was adopted, nothing has changed, and the release goes through and takes away
// what the manifests no longer have.
func TestAdopt(t *testing.T) {
	for _, tt := range []struct {
		tool string
		put  func(t *testing.T, namespace, file string)
	}{
		{"kubectl", func(t *testing.T, namespace, file string) {
			testenv.Kubectl(t, "apply", "-n", namespace, "-f", file)
			testenv.Kubectl(t, "set", "image", "-n", namespace, "deployment/page", "app=example.org/page:2")
		}},
		{"velero-server", func(t *testing.T, namespace, file string) { // which creates what it restores, with all its fields
			testenv.Kubectl(t, "create", "-n", namespace, "-f", file, "--field-manager=velero-server")
		}},
		{"HashiCorp", func(t *testing.T, namespace, file string) {
			testenv.Kubectl(t, "create", "-n", namespace, "-f", file, "--field-manager=HashiCorp")
		}},
		{"Terraform", func(t *testing.T, namespace, file string) {
			testenv.Kubectl(t, "apply", "-n", namespace, "-f", file, "--server-side", "--field-manager=Terraform")
		}},
		{"kubectl", func(t *testing.T, namespace, file string) { // by hand, after it was released
			testenv.Kubectl(t, "apply", "-n", namespace, "-f", file, "--server-side", "--field-manager=slipway")
			testenv.Kubectl(t, "set", "env", "-n", namespace, "deployment/page", "A=2")
			testenv.Kubectl(t, "patch", "-n", namespace, "configmap/page", "--type=merge", "-p", `{"data": {"TITLE": "by hand"}}`)
			testenv.Kubectl(t, "scale", "-n", namespace, "deployment/page", "--replicas=1")
		}},
		// Helm 4 applies server-side under this name (helm.sh/helm/v4, action.Install);
		// a build of Helm itself would take longer than all other tests.
		{"helm", func(t *testing.T, namespace, file string) {
			testenv.Kubectl(t, "apply", "-n", namespace, "-f", file, "--server-side", "--field-manager=helm")
		}},
	} {
		t.Run(tt.tool, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			file := filepath.Join(t.TempDir(), "page.yaml")
			if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
			tt.put(t, s.namespace, file)
			o := Options{Cluster: s.cluster, Namespace: s.namespace}
			text := strings.NewReplacer("page:1", "page:3", `, OLD: "left over"`, "", `"one"`, `"two"`).Replace(page)
			var err error
			o.Objects, err = kube.Render(t.Context(), kube.Source{Name: "test", Text: []byte(text)}, kube.RenderOptions{Namespace: s.namespace})
			if err != nil {
				t.Fatal(err)
			}
			var conflict *kube.ConflictError
			if _, err := Preview(t.Context(), o); !errors.As(err, &conflict) || !strings.Contains(conflict.Hint(), "slipway adopt") {
				t.Fatalf("before: %v", err)
			}
			found, err := Adoptions(t.Context(), o)
			if err != nil || len(found) != 2 || !strings.HasPrefix(found[0].Owners[0].Manager, tt.tool) || found[0].Owners[0].Fields == 0 {
				t.Fatalf("adoptions: %v %+v", err, found)
			}
			before := s.live(o)
			for range 2 {
				if err := Adopt(t.Context(), o); err != nil {
					t.Fatal(err)
				}
			}
			for i, now := range s.live(o) {
				if !reflect.DeepEqual(essence(before[i], false), essence(now, false)) {
					t.Errorf("%s has changed", kube.ID(now))
				}
			}
			if found, err = Adoptions(t.Context(), o); err != nil || len(found) != 0 {
				t.Errorf("again: %v %+v", err, found)
			}
			if _, err := Preview(t.Context(), o); err != nil {
				t.Fatalf("after: %v", err)
			}
			for _, obj := range o.Objects {
				if _, err := s.cluster.Apply(t.Context(), obj, kube.ApplyOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			if data := s.configMap("page"); data["TITLE"] != "two" || data["OLD"] != "" {
				t.Errorf("after the release: %v", data)
			}
		})
	}
}

func (s *scene) live(o Options) (out []*kube.Object) {
	s.t.Helper()
	for _, obj := range o.Objects {
		live, err := s.cluster.Read(s.t.Context(), obj)
		if err != nil || live == nil {
			s.t.Fatal(live, err)
		}
		out = append(out, live)
	}
	return out
}

// What is true of each object is said once.
func TestPreviewWithoutNamespace(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.namespace += "-absent"
	_, err := Preview(t.Context(), s.options(version("one", "1"), version("two", "1")))
	var missing *kube.NoNamespaceError
	if !errors.As(err, &missing) || err.Error() != "the cluster has no namespace "+s.namespace || missing.Hint() == "" {
		t.Errorf("%v", err)
	}
}
