package kube

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Of whom what is taken over, and what is left to them.
func TestTakeover(t *testing.T) {
	const wanted = `{"f:spec":{"f:replicas":{},"f:template":{"f:spec":{"f:image":{}}}}}`
	const whole = `{"f:spec":{"f:clusterIP":{},"f:replicas":{},"f:template":{"f:metadata":{"f:annotations":{"f:kubectl.kubernetes.io/restartedAt":{}}},"f:spec":{"f:image":{},"f:old":{}}}}}`
	live := func(entry metav1.ManagedFieldsEntry) *Object {
		obj := &Object{Object: map[string]any{"kind": "Deployment", "spec": map[string]any{"template": map[string]any{
			"metadata": map[string]any{"annotations": map[string]any{"kubectl.kubernetes.io/restartedAt": "2026-11-29T12:00:00Z"}}}}}}
		entry.APIVersion = "apps/v1"
		obj.SetManagedFields([]metav1.ManagedFieldsEntry{entry})
		return obj
	}
	set := fieldpath.NewSet()
	if err := set.FromJSON(strings.NewReader(wanted)); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		manager, operation, subresource, fields string
		scaled                                  bool
		want, rest                              string
	}{
		"kubectl, all but a restart":     {"kubectl-client-side-apply", "Update", "", whole, false, `{"f:spec":{"f:clusterIP":{},"f:replicas":{},"f:template":{"f:spec":{"f:image":{},"f:old":{}}}}}`, `{"f:spec":{"f:template":{"f:metadata":{"f:annotations":{"f:kubectl.kubernetes.io/restartedAt":{}}}}}}`},
		"Helm":                           {"helm", "Apply", "", `{"f:spec":{"f:replicas":{}}}`, false, `{"f:spec":{"f:replicas":{}}}`, ""},
		"Velero, and no address":         {"velero-server", "Update", "", whole, false, `{"f:spec":{"f:replicas":{},"f:template":{"f:spec":{"f:image":{},"f:old":{}}}}}`, `{"f:spec":{"f:clusterIP":{},"f:template":{"f:metadata":{"f:annotations":{"f:kubectl.kubernetes.io/restartedAt":{}}}}}}`},
		"Terraform":                      {"Terraform", "Apply", "", `{"f:spec":{"f:replicas":{}}}`, false, `{"f:spec":{"f:replicas":{}}}`, ""},
		"a cloud":                        {"cloud", "Update", "", `{"f:metadata":{"f:annotations":{"f:neg":{}}}}`, false, "{}", ""},
		"what the cluster notes":         {"kube-controller-manager", "Update", "", whole, false, "{}", ""},
		"a status":                       {"anybody", "Update", "status", whole, false, "{}", ""},
		"an autoscaler":                  {"kube-controller-manager", "Update", "scale", `{"f:spec":{"f:replicas":{}}}`, true, "{}", ""},
		"an autoscaler that is gone":     {"kube-controller-manager", "Update", "scale", `{"f:spec":{"f:replicas":{}}}`, false, `{"f:spec":{"f:replicas":{}}}`, ""},
		"kubectl scale":                  {"kubectl", "Update", "scale", `{"f:spec":{"f:replicas":{}}}`, false, `{"f:spec":{"f:replicas":{}}}`, ""},
		"slipway, which wrote by itself": {"slipway", "Update", "", whole, false, "{}", ""},
	} {
		entry := metav1.ManagedFieldsEntry{Manager: tt.manager, Operation: metav1.ManagedFieldsOperationType(tt.operation), Subresource: tt.subresource, FieldsV1: metav1.NewFieldsV1(tt.fields)}
		takeover := Takeover{Wanted: Fields{set}, Scaled: tt.scaled}
		if owners := takeover.Owners(live(entry)); (len(owners) > 0) != (tt.want != "{}") {
			t.Errorf("%s: owners %+v", name, owners)
		}
		entries, err := takeover.entries(live(entry))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, e := range entries {
			got[e.Manager+" "+string(e.Operation)] = string(e.FieldsV1.GetRawBytes())
		}
		want := map[string]string{"slipway Apply": tt.want}
		if tt.rest != "" {
			want[tt.manager+" "+tt.operation] = tt.rest
		} else if tt.want == "{}" {
			want[tt.manager+" "+tt.operation] = tt.fields
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s:\ngot  %v\nwant %v", name, got, want)
		}
	}
}
