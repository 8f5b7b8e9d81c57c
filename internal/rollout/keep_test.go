package rollout

import (
	"errors"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube"
)

// What a mark says must be kept is not deleted: neither when a release goes back,
// nor to make room for another one of its name.
func TestMarkedToBeKept(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	render := func(text string) []*kube.Object {
		objects, err := kube.Render(t.Context(), kube.Source{Name: "test", Text: []byte(text)}, kube.RenderOptions{Namespace: s.namespace})
		if err != nil {
			t.Fatal(err)
		}
		return objects
	}
	const job = `
{apiVersion: batch/v1, kind: Job, metadata: {name: once, annotations: {helm.sh/resource-policy: keep}}, spec: {suspend: true,
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: node:22-bookworm-slim, args: ["1"]}]}}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: kept, annotations: {helm.sh/resource-policy: keep}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: gone}}
`
	o := Options{Cluster: s.cluster, Namespace: s.namespace, Objects: render(job)}
	var changes []Change
	for _, obj := range o.Objects {
		if _, err := s.cluster.Apply(t.Context(), obj, kube.ApplyOptions{}); err != nil {
			t.Fatal(err)
		}
		changes = append(changes, Change{Object: named(obj)})
	}

	again := o
	again.Objects = render(strings.Replace(job, `args: ["1"]`, `args: ["2"]`, 1))
	_, err := Preview(t.Context(), again)
	if kept := new(KeptError); !errors.As(err, &kept) || kept.Object != "Job/"+s.namespace+"/once" || kept.Mark != "helm.sh/resource-policy: keep" {
		t.Errorf("a Job that cannot be changed: %v", err)
	}

	result, err := Undo(t.Context(), t.Context(), o, changes)
	if err != nil {
		t.Fatal(err)
	}
	did := map[string]string{}
	for _, u := range result.Undone {
		did[u.ID] = u.Action
	}
	for _, obj := range o.Objects {
		live, err := s.cluster.Read(t.Context(), obj)
		kept := obj.GetName() != "gone"
		want := map[bool]string{true: "kept", false: "deleted"}[kept]
		if err != nil || (live != nil) != kept || did[kube.ID(obj)] != want {
			t.Errorf("%s: there %v, %s, %v", kube.ID(obj), live != nil, did[kube.ID(obj)], err)
		}
	}
}
