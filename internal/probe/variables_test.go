package probe

import (
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

func TestVariables(t *testing.T) {
	c, namespace := kubetest.Cluster(t), testenv.Namespace(t)
	render := func(text string) []*kube.Object {
		objects, err := kube.Render(t.Context(), kube.Source{Name: "test", Text: []byte(text)}, kube.RenderOptions{Namespace: namespace})
		if err != nil {
			t.Fatal(err)
		}
		return objects
	}
	for _, obj := range render(`
{apiVersion: v1, kind: Secret, metadata: {name: live}, stringData: {FROM_ALL: all, DATABASE_URL: "postgres://u:hunter2@db/teei", SHORT: hunter2, BAD_URL: "hunter2"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: replaced}, data: {MODE: ""}}
`) {
		if _, err := c.Apply(t.Context(), obj, kube.ApplyOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	objects := render(`
{apiVersion: v1, kind: ConfigMap, metadata: {name: replaced}, data: {MODE: "on"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  template:
    spec:
      containers:
        - name: api
          envFrom: [{secretRef: {name: live}}, {prefix: P_, configMapRef: {name: replaced}}, {secretRef: {name: absent-all}}]
          env:
            - {name: LITERAL, value: here}
            - {name: MODE, valueFrom: {configMapKeyRef: {name: replaced, key: MODE}}}
            - {name: NO_KEY, valueFrom: {secretKeyRef: {name: live, key: NOPE}}}
            - {name: NO_SECRET, valueFrom: {secretKeyRef: {name: nobody, key: K}}}
            - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
`)
	required := []platform.Variable{
		{Name: "FROM_ALL"}, {Name: "DATABASE_URL", Format: "postgres-url"}, {Name: "LITERAL"}, {Name: "MODE", Format: "/^on$/"}, {Name: "P_MODE"}, {Name: "POD"},
		{Name: "SHORT", MinLength: 32}, {Name: "BAD_URL", Format: "http-url"}, {Name: "NO_KEY"}, {Name: "NO_SECRET"}, {Name: "NOWHERE"},
	}
	problems, err := Variables(t.Context(), c, objects, required)
	if err != nil {
		t.Fatal(err)
	}
	text := (&VariablesError{Problems: problems}).Error()
	for _, want := range []string{
		"SHORT is shorter than the 32 characters required for Deployment/" + namespace + "/api (looked for in Secret " + namespace + "/live, key SHORT)",
		"BAD_URL is not a URL", "NO_KEY is missing: Secret live has no such key", "NO_SECRET is missing: Secret nobody does not exist",
		"NOWHERE is missing: no workload gets it (looked for in env of the workloads,", namespace + "/absent-all, which does not exist",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in %s", want, text)
		}
	}
	if strings.Contains(text, "hunter2") {
		t.Errorf("a value is in %s", text)
	}
	if len(problems) != 5 {
		t.Errorf("%d problems: %s", len(problems), text)
	}
}
