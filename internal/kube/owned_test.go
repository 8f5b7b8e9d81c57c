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

// What is exactly as it was applied needs no question. Anything else is the API
// server's to judge: a value that it writes in another way, a field of somebody
// else, one that is applied no more.
func TestApplied(t *testing.T) {
	text := `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: prod, labels: {ours: a}}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
`
	fields := `{"f:metadata":{"f:labels":{"f:ours":{}}},"f:spec":{"f:selector":{},
		"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{},"f:targetPort":{}}}}}`
	made := `{"f:spec":{"f:type":{}}}`
	object := func(change func(map[string]any)) *Object {
		obj := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &obj); err != nil {
			t.Fatal(err)
		}
		obj = whole(obj).(map[string]any)
		change(obj)
		return &Object{Object: obj}
	}
	spec := func(obj map[string]any) map[string]any { return obj["spec"].(map[string]any) }
	port := func(obj map[string]any) map[string]any { return spec(obj)["ports"].([]any)[0].(map[string]any) }
	same := func(map[string]any) {}
	for name, tt := range map[string]struct {
		applied, live func(map[string]any)
		by            string // another manager of it
		want          bool
	}{
		"as it was":        {same, same, "kubectl", true},
		"another value":    {func(o map[string]any) { port(o)["targetPort"] = int64(8080) }, same, "", false},
		"somebody's value": {same, func(o map[string]any) { spec(o)["selector"] = map[string]any{"app": "other"} }, "", false},
		"a field more":     {func(o map[string]any) { spec(o)["type"] = "NodePort" }, same, "", false},
		"a field less":     {func(o map[string]any) { delete(port(o), "name") }, same, "", false},
		"a port more": {func(o map[string]any) {
			spec(o)["ports"] = append(spec(o)["ports"].([]any), map[string]any{"port": int64(81)})
		}, same, "", false},
		"gone from it":       {same, func(o map[string]any) { delete(port(o), "name") }, "", false},
		"made, not applied":  {same, same, maker + "abc", false},
		"in another version": {func(o map[string]any) { o["apiVersion"] = "v2" }, same, "", false},
	} {
		live := object(func(o map[string]any) {
			port(o)["protocol"], spec(o)["type"], spec(o)["clusterIP"] = "TCP", "ClusterIP", "10.0.0.1" // filled in
			o["status"] = map[string]any{"loadBalancer": map[string]any{}}
			tt.live(o)
		})
		entries := []metav1.ManagedFieldsEntry{{Manager: Manager, Operation: "Apply", APIVersion: "v1", FieldsV1: metav1.NewFieldsV1(fields)}}
		if tt.by != "" {
			entries = append(entries, metav1.ManagedFieldsEntry{Manager: tt.by, Operation: "Update", APIVersion: "v1", FieldsV1: metav1.NewFieldsV1(made)})
		}
		live.SetManagedFields(entries)
		if got := Applied(object(tt.applied), live); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if Applied(object(same), nil) {
		t.Error("what is not there was applied")
	}
}
