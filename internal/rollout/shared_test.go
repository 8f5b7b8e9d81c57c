package rollout

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

// TestClusterWideOfTwo: of what lives outside of namespaces, one platform changes or
// deletes nothing that another released, whatever its records say. What both have
// alike stays the first one's.
func TestClusterWideOfTwo(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	role := func(verb string) *kube.Object {
		objects, err := kube.Render(t.Context(), kube.Source{Name: "role", Text: []byte(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: ` + s.namespace + `}
rules: [{apiGroups: [""], resources: [pods], verbs: [` + verb + `]}]
`)}, kube.RenderOptions{Namespace: s.namespace})
		if err != nil {
			t.Fatal(err)
		}
		return objects[0]
	}
	t.Cleanup(func() { _, _ = testenv.TryKubectl(t, "delete", "clusterrole", s.namespace) })
	by := func(name, verb string) Options {
		o := Options{Cluster: s.cluster, Namespace: s.namespace, Deadline: time.Minute, Objects: []*kube.Object{role(verb)}}
		if name != "" {
			o.Owner = platform.Owner{Platform: name, Environment: "staging", Namespace: s.namespace}
		}
		return o
	}
	state := func() string {
		return testenv.Kubectl(t, "get", "clusterrole", s.namespace, "--output", `jsonpath={.rules[0].verbs[0]} {.metadata.annotations.slipway\.dev/owner}`)
	}
	for _, step := range []struct{ by, verb, want string }{
		{"", "get", "get "}, // an older version's has no mark
		{"shop", "get", "get shop/staging"},
		{"blog", "get", "get shop/staging"}, // as it has it too
		{"blog", "list", ""},
		{"shop", "list", "list shop/staging"},
	} {
		before := ""
		if step.want == "" {
			before = state()
		}
		_, err := Deploy(t.Context(), by(step.by, step.verb))
		var others *AnothersError
		if refused := errors.As(err, &others); refused != (step.want == "") || err != nil && !refused {
			t.Fatalf("%+v: %v", step, err)
		} else if refused && !strings.Contains(err.Error(), "ClusterRole/"+s.namespace+" is released by platform shop, environment staging, and this is platform blog, environment staging") {
			t.Error(err)
		}
		if got := state(); got != step.want && got != before {
			t.Errorf("%+v: %s", step, got)
		}
	}
	// Records of an older version, from before the two were told apart.
	for _, before := range []*kube.Object{nil, role("watch")} {
		changes := []Change{{Object: named(role("get")), Before: before}}
		if _, err := Undo(t.Context(), t.Context(), by("blog", "get"), changes); err != nil || state() != "list shop/staging" {
			t.Errorf("taken back: %v, %s", err, state())
		}
	}
	if _, err := Undo(t.Context(), t.Context(), by("shop", "get"), []Change{{Object: named(role("get"))}}); err != nil {
		t.Error(err)
	}
	if out, err := testenv.TryKubectl(t, "get", "clusterrole", s.namespace); err == nil {
		t.Errorf("its own stays: %s", out)
	}
}
