package kube

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// What pods cannot start without, in each place that can name it, and not what is
// optional or in every cluster.
func TestNeeds(t *testing.T) {
	const pod = `
      serviceAccountName: web
      priorityClassName: high
      runtimeClassName: sandboxed
      imagePullSecrets: [{name: pull}]
      initContainers: [{name: init, envFrom: [{secretRef: {name: seeds}}]}]
      containers:
        - name: web
          envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: maybe, optional: true}}]
          env:
            - {name: TOKEN, valueFrom: {secretKeyRef: {name: keys, key: token}}}
            - {name: MODE, valueFrom: {configMapKeyRef: {name: modes, key: mode}}}
            - {name: NONE, valueFrom: {configMapKeyRef: {name: other, key: mode, optional: true}}}
            - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
      volumes:
        - {name: a, secret: {secretName: tls, items: [{key: ca, path: ca}]}}
        - {name: b, configMap: {name: files}}
        - {name: c, persistentVolumeClaim: {claimName: data}}
        - {name: d, emptyDir: {}}
        - {name: e, projected: {sources: [{secret: {name: projected}}, {configMap: {name: also, items: [{key: k, path: k}]}}, {serviceAccountToken: {path: t}}]}}
        - {name: f, secret: {secretName: perhaps, optional: true}}`
	const want = "ConfigMap/also ConfigMap/also.k ConfigMap/files ConfigMap/modes ConfigMap/modes.mode ConfigMap/settings PersistentVolumeClaim/data PriorityClass/high " +
		"RuntimeClass/sandboxed Secret/keys Secret/keys.token Secret/projected Secret/pull Secret/seeds Secret/tls Secret/tls.ca ServiceAccount/web"
	for kind, text := range map[string]string{
		"Deployment": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:" + pod,
		"CronJob":    "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: web}\nspec:\n jobTemplate:\n  spec:\n   template:\n    spec:" + pod,
		"Pod":        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:" + pod,
	} {
		obj := &Object{}
		if err := yaml.Unmarshal([]byte(text), &obj.Object); err != nil {
			t.Fatal(err)
		}
		needs, err := Needs(obj)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range needs {
			got = append(got, strings.TrimSuffix(n.Kind+"/"+n.Name+"."+n.Key, "."))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s", kind, strings.Join(got, " "))
		}
	}
	usual := &Object{}
	if err := yaml.Unmarshal([]byte(`{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {serviceAccountName: default, priorityClassName: system-node-critical, containers: [{name: c}]}}`), &usual.Object); err != nil {
		t.Fatal(err)
	}
	if needs, err := Needs(usual); err != nil || len(needs) > 0 {
		t.Errorf("%v, %v", needs, err)
	}
	if needs, err := Needs(&Object{Object: map[string]any{"kind": "Service"}}); err != nil || needs != nil {
		t.Errorf("%v, %v", needs, err)
	}
}
