package rollout

import (
	"context"
	"errors"
	"strings"
	"testing"
	"text/template"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/testenv/testenv"
)

// TestAllocated: a Service goes back to the address that the cluster had chosen for it,
// also where somebody deleted it, and to another one where a neighbour has it by then.
func TestAllocated(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		meanwhile func(s *scene, address string)
		same      bool
	}{
		"free": {func(*scene, string) {}, true},
		"deleted": {func(s *scene, _ string) {
			testenv.Kubectl(s.t, "--namespace", s.namespace, "delete", "service", "web")
		}, true},
		"taken": {func(s *scene, address string) {
			testenv.Kubectl(s.t, "--namespace", s.namespace, "create", "service", "clusterip", "neighbour", "--clusterip="+address, "--tcp=80")
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			service := func(spec string) Options {
				text := "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {" + spec + "}}"
				return Options{Cluster: s.cluster, Namespace: s.namespace, Deadline: 30 * time.Second, Objects: s.render(template.Must(template.New("").Parse(text)), nil)}
			}
			address := func(obj *kube.Object) string {
				ip, _, _ := unstructured.NestedString(s.read(obj).Object, "spec", "clusterIP")
				return ip
			}
			old, next := service("ports: [{port: 80}]"), service("type: ExternalName, externalName: example.invalid")
			if _, err := Deploy(t.Context(), old); err != nil {
				t.Fatal(err)
			}
			before, broken := address(old.Objects[0]), errors.New("the flows do not work")
			next.Verify = func(context.Context) error { tt.meanwhile(s, before); return broken }
			result, err := Deploy(t.Context(), next)
			if !errors.Is(err, broken) || len(result.Undone) != 1 || !result.Undone[0].Verified {
				t.Fatalf("%v, %+v", err, result.Undone)
			}
			if now := address(old.Objects[0]); (now == before) != tt.same || !strings.Contains(now, ".") && !strings.Contains(now, ":") {
				t.Errorf("its address is %s, and was %s", now, before)
			}
			s.unchanged(old)
		})
	}
}
