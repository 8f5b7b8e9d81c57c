package kube

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// What names another namespace than the environment's is refused by name, unless
// the platform file says that the manifests are written for that one.
func TestNamespacesOfManifests(t *testing.T) {
	const account = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: runner}}\n---\n"
	binding := func(subject string) string {
		return account + "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: rb}, subjects: [" + subject + "]}"
	}
	tests := []struct {
		name, text, from string
		want             string // IDs, and namespaces of subjects
		refused          string
	}{
		{name: "none said", text: "{apiVersion: v1, kind: Service, metadata: {name: api}}", want: "Service/prod/api"},
		{name: "empty", text: "{apiVersion: v1, kind: Service, metadata: {name: api, namespace: ''}}", want: "Service/prod/api"},
		{name: "its own", text: "{apiVersion: v1, kind: Service, metadata: {name: api, namespace: prod}}", want: "Service/prod/api"},
		{name: "another", text: "{apiVersion: v1, kind: Service, metadata: {name: api, namespace: monitoring}}", refused: "release.yaml, document 1: Service/monitoring/api is of the namespace monitoring and this release is for prod"},
		{name: "another, in a list", text: "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Service, metadata: {name: api, namespace: kube-system}}]}", refused: "document 1, item 1: Service/kube-system/api"},
		{name: "said to be written for it", text: "{apiVersion: v1, kind: Service, metadata: {name: api, namespace: shop}}", from: "shop", want: "Service/prod/api"},
		{name: "written for one and in another", text: "{apiVersion: v1, kind: Service, metadata: {name: api, namespace: monitoring}}", from: "shop", refused: "Service/monitoring/api"},
		{name: "two of one name, from two", text: "{apiVersion: v1, kind: Service, metadata: {name: api}}\n---\n{apiVersion: v1, kind: Service, metadata: {name: api, namespace: shop}}", from: "shop", refused: "is there twice"},
		{name: "a namespace", text: "{apiVersion: v1, kind: Namespace, metadata: {name: prod}}", want: "Namespace/prod"},
		{name: "the namespace it is written for", text: "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}", from: "shop", want: "Namespace/prod"},
		{name: "another namespace", text: "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}", refused: "Namespace/shop is another namespace and this release is for prod"},
		{name: "of the whole cluster", text: "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: cr, namespace: shop}}", want: "ClusterRole/cr"},
		{name: "subject without namespace", text: binding("{kind: ServiceAccount, name: default}"), want: "ServiceAccount/prod/runner RoleBinding/prod/rb prod"},
		{name: "subject it is written for", text: binding("{kind: ServiceAccount, name: runner, namespace: shop}"), from: "shop", want: "ServiceAccount/prod/runner RoleBinding/prod/rb prod"},
		{name: "subject of others", text: binding("{kind: ServiceAccount, name: prometheus, namespace: monitoring}"), want: "ServiceAccount/prod/runner RoleBinding/prod/rb monitoring"},
		{name: "subject of others with a name of ours", text: binding("{kind: ServiceAccount, name: runner, namespace: monitoring}"), refused: "RoleBinding/prod/rb names the account runner of the namespace monitoring"},
		{name: "and it is said which one is ours", text: binding("{kind: ServiceAccount, name: runner, namespace: monitoring}"), from: "prod", want: "ServiceAccount/prod/runner RoleBinding/prod/rb monitoring"},
		{name: "subject that is a person", text: binding("{kind: User, name: runner, namespace: monitoring}"), want: "ServiceAccount/prod/runner RoleBinding/prod/rb monitoring"},
		{name: "webhook", text: "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: w}, webhooks: [{clientConfig: {service: {name: s, namespace: shop}}}]}", from: "shop", want: "ValidatingWebhookConfiguration/w prod"},
		{name: "webhook of others", text: "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: w}, webhooks: [{clientConfig: {service: {name: s, namespace: gate}}}]}", from: "shop", want: "ValidatingWebhookConfiguration/w gate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			objects, err := render(t, tt.text, RenderOptions{Namespace: "prod", WrittenFor: tt.from})
			if tt.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tt.refused) {
					t.Fatalf("err = %v, want %q in it", err, tt.refused)
				}
				if elsewhere := new(ElsewhereError); errors.As(err, &elsewhere) && (!elsewhere.Usage() || !strings.Contains(elsewhere.Hint(), "`namespace: "+elsewhere.Found+"` under `manifests:`")) {
					t.Errorf("hint: %s", elsewhere.Hint())
				}
				return
			}
			var got []string
			for _, obj := range objects {
				got = append(got, ID(obj))
				for _, s := range list(obj.Object, "subjects") {
					got = append(got, fmt.Sprint(s.(map[string]any)["namespace"]))
				}
				for _, w := range list(obj.Object, "webhooks") {
					got = append(got, fmt.Sprint(w.(map[string]any)["clientConfig"].(map[string]any)["service"].(map[string]any)["namespace"]))
				}
			}
			if err != nil || strings.Join(got, " ") != tt.want {
				t.Errorf("got %v, %v, want %s", got, err, tt.want)
			}
		})
	}
}
