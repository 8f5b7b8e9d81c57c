package kube

import (
	"strings"
	"testing"
)

const configured = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {COLOUR: "$colour"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: files}
binaryData: {a: AAAA}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: unused}
data: {A: b}
---
apiVersion: v1
kind: Secret
metadata: {name: settings}
stringData: {A: b}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "@daily"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: "a:1", env: [
    {name: COLOUR, valueFrom: {configMapKeyRef: {name: settings, key: COLOUR}}},
    {name: SECRET, valueFrom: {secretKeyRef: {name: settings, key: A}}}]}]}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers: [{name: init, image: "a:1", envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: settings}}]}]
      containers: [{name: web, image: "a:1", envFrom: [{configMapRef: {name: elsewhere}}]}]
      volumes:
        - {name: files, configMap: {name: files}}
        - {name: both, projected: {sources: [{configMap: {name: settings}}, {secret: {name: settings}}]}}
`

func TestHashConfiguration(t *testing.T) {
	hash := func(colour string) (names map[string]*Object, all string) {
		t.Helper()
		objects, err := Render(t.Context(), Source{Name: "test", Text: []byte(strings.ReplaceAll(configured, "$colour", colour))}, RenderOptions{Namespace: "shop"})
		if err == nil {
			err = HashConfiguration(objects)
		}
		if err != nil {
			t.Fatal(err)
		}
		names = map[string]*Object{}
		for _, obj := range objects {
			names[obj.GetKind()+"/"+obj.GetLabels()[ConfigurationLabel]+"="+obj.GetName()] = obj
			text, err := obj.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			all += string(text)
		}
		return names, all
	}
	red, text := hash("red")
	var settings, files string
	for key := range red {
		if name, ok := strings.CutPrefix(key, "ConfigMap/settings="); ok {
			settings = name
		}
		if name, ok := strings.CutPrefix(key, "ConfigMap/files="); ok {
			files = name
		}
	}
	if len(settings) != len("settings-0123456789") || len(files) != len("files-0123456789") {
		t.Fatalf("names %q and %q", settings, files)
	}
	for _, kept := range []string{"ConfigMap/=unused", "Secret/=settings", "Deployment/=web", "CronJob/=nightly"} {
		if red[kept] == nil {
			t.Errorf("%s did not keep its name", kept)
		}
	}
	for want, times := range map[string]int{
		`{"configMapRef":{"name":"` + settings + `"}}`: 1, `"configMapKeyRef":{"key":"COLOUR","name":"` + settings + `"}`: 1,
		`{"configMap":{"name":"` + settings + `"}}`: 1, `{"configMap":{"name":"` + files + `"},"name":"files"}`: 1,
		`{"configMapRef":{"name":"elsewhere"}}`: 1, `{"secretRef":{"name":"settings"}}`: 1, `"secretKeyRef":{"key":"A","name":"settings"}`: 1,
		`"immutable":true`: 2,
	} {
		if got := strings.Count(text, want); got != times {
			t.Errorf("%s is there %d times, want %d:\n%s", want, got, times, text)
		}
	}
	if _, again := hash("red"); again != text {
		t.Error("the same content has another name")
	}
	if _, blue := hash("blue"); strings.Contains(blue, settings) || !strings.Contains(blue, files) {
		t.Error("other content has the same name, or the same content another")
	}
}

// Only what slipway released under such a name is its own: a label is copied, and so
// is a name.
func TestHashedIsKnownByMoreThanItsName(t *testing.T) {
	const content = `"data": {"COLOUR": "red"}`
	made := func(name, labels, manager, owns string) *Object {
		t.Helper()
		obj := &Object{}
		text := `{"apiVersion": "v1", "kind": "ConfigMap", ` + content + `, "metadata": {"name": "` + name + `", "namespace": "prod", "labels": ` + labels + `,
		  "managedFields": [{"manager": "` + manager + `", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:labels": {"` + owns + `": {}}}}}]}}`
		if err := obj.UnmarshalJSON([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return obj
	}
	const labels, field = `{"slipway.dev/configuration": "settings", "app.kubernetes.io/managed-by": "slipway"}`, "f:slipway.dev/configuration"
	name, err := hashedName("settings", made("settings", labels, Manager, field))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what string
		obj  *Object
		want bool
	}{
		{"released", made(name, labels, Manager, field), true},
		{"made, and not applied yet", made(name, labels, maker+"abcd", field), true},
		{"a copy by kubectl", made(name, labels, "kubectl-client-side-apply", field), false},
		{"of which slipway owns something else", made(name, labels, Manager, "f:app"), false},
		{"of another content", made("settings-193a71cbaf", labels, Manager, field), false},
		{"without a label", made(name, `{}`, Manager, field), false},
		{"kept by another tool", made(name, `{"slipway.dev/configuration": "settings"}`, Manager, field), false},
	} {
		if got := Hashed(tt.obj); got != tt.want {
			t.Errorf("%s: %v", tt.what, got)
		}
	}
}
