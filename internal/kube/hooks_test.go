package kube

import (
	"errors"
	"strings"
	"testing"
)

const workload = "\n---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: api}, spec: {template: {spec: {containers: [{name: a, image: x}]}}}}\n"

// What another tool runs at a moment of its own, or does not apply, is refused by
// name, or left out and named.
func TestHooksOfOtherTools(t *testing.T) {
	tests := []struct{ name, annotations, mark string }{
		{"helm", "helm.sh/hook: pre-delete", "helm.sh/hook: pre-delete"},
		{"helm, several", "helm.sh/hook: 'pre-install,post-upgrade', helm.sh/hook-weight: '1'", "helm.sh/hook: pre-install,post-upgrade"},
		{"helm test", "helm.sh/hook: test", "helm.sh/hook: test"},
		{"helm, none said", "helm.sh/hook: ''", "helm.sh/hook: "},
		{"beside an annotation that is no text", "helm.sh/hook: post-delete, other: 1", "helm.sh/hook: post-delete"},
		{"argo", "argocd.argoproj.io/hook: PostDelete", "argocd.argoproj.io/hook: PostDelete"},
		{"argo skips it", "argocd.argoproj.io/hook: Skip", "argocd.argoproj.io/hook: Skip"},
		{"flux does not reconcile it", "kustomize.toolkit.fluxcd.io/reconcile: disabled", "kustomize.toolkit.fluxcd.io/reconcile: disabled"},
		{"flux makes it once", "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent", "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent"},
		{"kapp", "kapp.k14s.io/noop: ''", "kapp.k14s.io/noop: "},
		{"kustomize's own", "config.kubernetes.io/local-config: 'true'", "config.kubernetes.io/local-config: true"},
		{"hostile", `helm.sh/hook: "a\u001b[31m\nb` + strings.Repeat("x", 100) + `"`, `helm.sh/hook: a\x1b[31m\nb` + strings.Repeat("x", 52) + "…"},
		{"only an order", "argocd.argoproj.io/sync-wave: '3', helm.sh/resource-policy: keep", ""},
		{"flux merges it", "kustomize.toolkit.fluxcd.io/ssa: Merge", ""},
		{"not local", "config.kubernetes.io/local-config: 'false'", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "{apiVersion: v1, kind: List, items: [{apiVersion: batch/v1, kind: Job, metadata: {name: cleanup, annotations: {" + tt.annotations + "}}}]}" + workload
			objects, err := render(t, text, RenderOptions{Namespace: "prod"})
			if tt.mark == "" {
				if err != nil || len(objects) != 2 {
					t.Errorf("%v, %v", objects, err)
				}
				return
			}
			var refused *HooksError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), "release.yaml, document 1, item 1: Job/cleanup is marked "+tt.mark) || !refused.Usage() {
				t.Fatalf("refused with %v, want %q", err, tt.mark)
			}
			for _, way := range []string{"hooks: exclude", "take the annotation off"} {
				if !strings.Contains(refused.Hint(), way) {
					t.Errorf("hint: %s", refused.Hint())
				}
			}
			var told []string
			objects, err = render(t, text, RenderOptions{Namespace: "prod", Excluded: func(h Hook) { told = append(told, h.String()) }})
			if err != nil || len(objects) != 1 || objects[0].GetName() != "api" || strings.Join(told, "") != "Job/cleanup ("+tt.mark+")" {
				t.Errorf("%v, %v, told of %q", objects, err, told)
			}
		})
	}
	hooks := strings.Repeat("---\n{apiVersion: v1, kind: Pod, metadata: {name: same, namespace: elsewhere, annotations: {helm.sh/hook: test}}}\n", 7)
	if _, err := render(t, hooks+workload, RenderOptions{Namespace: "prod"}); err == nil || !strings.HasSuffix(err.Error(), "; and 2 more") {
		t.Errorf("seven hooks: %v", err)
	}
	// What is left out is left alone: neither its name nor its namespace matters.
	if objects, err := render(t, hooks+workload, RenderOptions{Namespace: "prod", Excluded: func(Hook) {}}); err != nil || len(objects) != 1 {
		t.Errorf("left out: %v, %v", objects, err)
	}
	// Those of Argo CD are often given a name by the API server.
	generated := "---\n{apiVersion: batch/v1, kind: Job, metadata: {generateName: sync-, annotations: {argocd.argoproj.io/hook: PreSync}}}\n"
	if objects, err := render(t, generated+generated+workload, RenderOptions{Namespace: "prod", Excluded: func(Hook) {}}); err != nil || len(objects) != 1 {
		t.Errorf("with a generated name: %v, %v", objects, err)
	}
	if _, err := render(t, generated+workload, RenderOptions{Namespace: "prod"}); err == nil || !strings.Contains(err.Error(), "Job/sync-… is marked") {
		t.Errorf("with a generated name: %v", err)
	}
	if _, err := render(t, hooks, RenderOptions{Namespace: "prod", Excluded: func(Hook) {}}); err == nil || !strings.Contains(err.Error(), "nothing but hooks of other tools") {
		t.Errorf("nothing but hooks: %v", err)
	}
}

func TestKeptByAMark(t *testing.T) {
	for annotation, want := range map[string]string{
		"helm.sh/resource-policy: keep":                                 "helm.sh/resource-policy: keep",
		"argocd.argoproj.io/sync-options: 'Prune=false,Force=true'":     "argocd.argoproj.io/sync-options: Prune=false,Force=true",
		"argocd.argoproj.io/sync-options: 'Replace=true, Delete=false'": "argocd.argoproj.io/sync-options: Replace=true, Delete=false",
		"kustomize.toolkit.fluxcd.io/prune: disabled":                   "kustomize.toolkit.fluxcd.io/prune: disabled",
		"kapp.k14s.io/delete-strategy: orphan":                          "kapp.k14s.io/delete-strategy: orphan",
		"argocd.argoproj.io/sync-options: Replace=true":                 "",
		"helm.sh/resource-policy: ''":                                   "",
	} {
		objects, err := render(t, "{apiVersion: v1, kind: Secret, metadata: {name: s, annotations: {"+annotation+"}}}", RenderOptions{Namespace: "prod"})
		if err != nil || Kept(objects[0]) != want {
			t.Errorf("%s: %q, %v", annotation, Kept(objects[0]), err)
		}
	}
	if Kept(nil) != "" {
		t.Error("what is not there is kept")
	}
}
