package kube

import (
	"reflect"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func TestOwnedIsWhatWasApplied(t *testing.T) {
	var live, want map[string]any
	must := func(text string, into *map[string]any) {
		if err := yaml.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
		*into = whole(*into).(map[string]any)
	}
	must(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: prod, uid: u, labels: {ours: a, theirs: b}}
spec:
  replicas: 3
  template:
    spec:
      containers:
        - {name: sidecar, image: theirs}
        - {name: api, image: ours, command: [a, b], imagePullPolicy: Always, ports: [{containerPort: 80, protocol: TCP}], env: [{name: Z, value: "1"}, {name: A, value: "2"}]}
      volumes: [{name: tmp, emptyDir: {}}]
  finalizers: [xx, yy]
status: {replicas: 3}
`, &live)
	must(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: prod, labels: {ours: a}}
spec:
  template:
    spec:
      containers:
        - {name: api, image: ours, command: [a, b], ports: [{containerPort: 80, protocol: TCP}], env: [{name: Z, value: "1"}, {name: A, value: "2"}]}
      volumes: [{name: tmp, emptyDir: {}}]
  finalizers: [yy]
`, &want)
	obj := &Object{Object: live}
	obj.SetManagedFields([]metav1.ManagedFieldsEntry{
		{Manager: "kubectl", Operation: "Update", APIVersion: "apps/v1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`)},
		{Manager: "slipway", Operation: "Update", APIVersion: "apps/v1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`)},
		{Manager: "slipway", Operation: "Apply", APIVersion: "apps/v1", FieldsV1: metav1.NewFieldsV1(`{
			"f:metadata":{"f:labels":{"f:ours":{}}},
			"f:spec":{"f:finalizers":{"v:\"yy\"":{}},"f:template":{"f:spec":{
				"f:containers":{"k:{\"name\":\"api\"}":{".":{},"f:name":{},"f:image":{},"f:command":{},
					"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}},
					"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}},"k:{\"name\":\"Z\"}":{".":{},"f:name":{},"f:value":{}}}}},
				"f:volumes":{"k:{\"name\":\"tmp\"}":{".":{},"f:name":{},"f:emptyDir":{}}}}}}}`)},
	})
	got, err := Owned(obj)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Object, want) {
		a, _ := yaml.Marshal(got.Object)
		b, _ := yaml.Marshal(want)
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
	if OwnsField(obj, "spec", "replicas") || !OwnsField(obj, "metadata", "labels", "ours") {
		t.Error("OwnsField is wrong about replicas or labels")
	}
}
