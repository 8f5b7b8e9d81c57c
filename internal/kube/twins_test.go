package kube

import (
	"encoding/base64"
	"reflect"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// fromYAML is an object that is written here.
func fromYAML(t *testing.T, text string) *Object {
	t.Helper()
	obj := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &obj); err != nil {
		t.Fatal(err)
	}
	return &Object{Object: whole(obj).(map[string]any)}
}

func writtenBy(obj *Object, manager, fields string) *Object {
	obj.SetManagedFields(append(obj.GetManagedFields(), metav1.ManagedFieldsEntry{Manager: manager, Operation: "Apply", APIVersion: "apps/v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields)}))
	return obj
}

func deploymentOf(t *testing.T, pod string) *Object {
	t.Helper()
	return fromYAML(t, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: prod}, spec: {template: {spec: "+pod+"}}}")
}

// What the API server filled in beside a field goes as null when that field goes, and
// stays where somebody else wrote it, or where it is wanted.
func TestWithoutTwins(t *testing.T) {
	theirs := `{"f:spec":{"f:template":{"f:spec":{"f:serviceAccount":{},"f:volumes":{"k:{\"name\":\"tmp\"}":{".":{},"f:emptyDir":{}}}}}}}`
	for name, tt := range map[string]struct{ wanted, live, owned, want string }{
		"account goes":                      {"{}", "{serviceAccount: a, serviceAccountName: a}", "", "{serviceAccount: null, serviceAccountName: null}"},
		"another account":                   {"{serviceAccountName: b}", "{serviceAccount: a, serviceAccountName: a}", "", "{serviceAccountName: b}"},
		"the account by its twin":           {"{serviceAccount: b}", "{serviceAccount: a, serviceAccountName: a}", "", "{serviceAccount: b, serviceAccountName: null}"},
		"the account by its twin, as it is": {"{serviceAccount: a}", "{serviceAccount: a, serviceAccountName: a}", "", "{serviceAccount: a}"},
		"no account":                        {"{}", "{}", "", "{}"},
		"somebody's account":                {"{}", "{serviceAccount: a}", theirs, "{}"},
		"a source for none":                 {"{volumes: [{name: tmp, configMap: {name: c}}]}", "{volumes: [{name: tmp, emptyDir: {}}]}", "", "{volumes: [{name: tmp, configMap: {name: c}, emptyDir: null}]}"},
		"still no source":                   {"{volumes: [{name: tmp}]}", "{volumes: [{name: tmp, emptyDir: {}}]}", "", "{volumes: [{name: tmp}]}"},
		"the same source":                   {"{volumes: [{name: tmp, emptyDir: {}}]}", "{volumes: [{name: tmp, emptyDir: {}}]}", "", "{volumes: [{name: tmp, emptyDir: {}}]}"},
		"somebody's source":                 {"{volumes: [{name: tmp, configMap: {name: c}}]}", "{volumes: [{name: tmp, emptyDir: {}}]}", theirs, "{volumes: [{name: tmp, configMap: {name: c}}]}"},
		"a volume of another name":          {"{volumes: [{name: new, configMap: {name: c}}]}", "{volumes: [{name: tmp, emptyDir: {}}]}", "", "{volumes: [{name: new, configMap: {name: c}}]}"},
	} {
		t.Run(name, func(t *testing.T) {
			live := deploymentOf(t, tt.live)
			if tt.owned != "" {
				writtenBy(live, "kubectl-edit", tt.owned)
			}
			obj := deploymentOf(t, tt.wanted)
			if got, want := withoutTwins(obj, live), deploymentOf(t, tt.want); !reflect.DeepEqual(got.Object, want.Object) {
				t.Errorf("got %v, want %v", got.Object, want.Object)
			}
			if again := deploymentOf(t, tt.wanted); !reflect.DeepEqual(obj, again) {
				t.Errorf("what is to be applied was changed: %v", obj)
			}
		})
	}
}

func TestStrategyLeft(t *testing.T) {
	filled := "{type: RollingUpdate, rollingUpdate: {maxSurge: 25%}}"
	for name, tt := range map[string]struct {
		kind, field, wanted, live, by string
		want                          bool
	}{
		"filled in":          {"Deployment", "strategy", "{type: Recreate}", filled, "", true},
		"null":               {"Deployment", "strategy", "{type: Recreate, rollingUpdate: null}", filled, "", true},
		"of a set":           {"StatefulSet", "updateStrategy", "{type: OnDelete}", filled, "", true},
		"it stays":           {"Deployment", "strategy", "{type: RollingUpdate}", filled, "", false},
		"nothing is said":    {"Deployment", "strategy", "{}", filled, "", false},
		"it is gone":         {"Deployment", "strategy", "{type: Recreate}", "{type: Recreate}", "", false},
		"both are wanted":    {"Deployment", "strategy", "{type: Recreate, rollingUpdate: {maxSurge: 1}}", filled, "", false}, // and refused
		"somebody else's":    {"Deployment", "strategy", "{type: Recreate}", filled, "kubectl", false},
		"not of such a kind": {"Service", "strategy", "{type: Recreate}", filled, "", false},
	} {
		object := func(strategy string) *Object {
			return fromYAML(t, "{apiVersion: apps/v1, kind: "+tt.kind+", metadata: {name: web}, spec: {"+tt.field+": "+strategy+"}}")
		}
		live := object(tt.live)
		if tt.by != "" {
			writtenBy(live, tt.by, `{"f:spec":{"f:strategy":{"f:rollingUpdate":{"f:maxSurge":{}}}}}`)
		}
		if got := strategyLeft(object(tt.wanted), live, false); got != map[bool]string{true: tt.field}[tt.want] {
			t.Errorf("%s: %q", name, got)
		}
		if got := strategyLeft(object(tt.wanted), live, true); (got != "") != (tt.want || tt.by != "") { // as adopt asks
			t.Errorf("%s, by force: %q", name, got)
		}
	}
}

// Values are written as the API server writes them.
func TestNormal(t *testing.T) {
	long := base64.StdEncoding.EncodeToString([]byte("a secret that is so long that a tool breaks it into lines"))
	for name, tt := range map[string]struct {
		object string
		path   []string
		want   any
	}{
		"Secret":         {"{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {k: \"" + long[:20] + "\\n" + long[20:] + "\\n\"}}", []string{"data", "k"}, long},
		"ConfigMap":      {"{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, binaryData: {k: \"YQ\\n==\"}}", []string{"binaryData", "k"}, "YQ=="},
		"no base64":      {"{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {k: \"?\"}}", []string{"data", "k"}, "?"},
		"ingress":        {"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: s}, spec: {podSelector: {}}}", []string{"spec", "policyTypes"}, []any{"Ingress"}},
		"egress as well": {"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: s}, spec: {podSelector: {}, egress: [{}]}}", []string{"spec", "policyTypes"}, []any{"Ingress", "Egress"}},
		"egress alone":   {"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: s}, spec: {podSelector: {}, policyTypes: [Egress]}}", []string{"spec", "policyTypes"}, []any{"Egress"}},
		"account":        {"{apiVersion: v1, kind: Pod, metadata: {name: s}, spec: {serviceAccount: a}}", []string{"spec"}, map[string]any{"serviceAccountName": "a"}},
		"both accounts":  {"{apiVersion: v1, kind: Pod, metadata: {name: s}, spec: {serviceAccount: a, serviceAccountName: b}}", []string{"spec"}, map[string]any{"serviceAccountName": "b"}},
		"another's kind": {"{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {name: s}, spec: {egress: [{}]}}", []string{"spec", "policyTypes"}, nil},
	} {
		objects, err := Render(t.Context(), Source{Name: "test", Text: []byte(tt.object)}, RenderOptions{Namespace: "prod"})
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := unstructured.NestedFieldNoCopy(objects[0].Object, tt.path...); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
