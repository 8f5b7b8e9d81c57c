package rollout

import (
	"errors"
	"strings"
	"testing"

	"github.com/teei/slipway/testenv/testenv"
)

// TestKeptByAnotherTool: nothing is written when one object belongs to a tool
// that would put it back, and the tool is named.
func TestKeptByAnotherTool(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, command, want string }{
		{"argo", "annotate configmap two-config argocd.argoproj.io/tracking-id=shop:/ConfigMap:default/two-config", "two-config belongs to Argo CD shop"},
		{"flux", "label service two kustomize.toolkit.fluxcd.io/name=apps", "two belongs to Flux (Kustomization) apps"},
		{"flux helm", "label deployment two helm.toolkit.fluxcd.io/name=two", "two belongs to Flux (HelmRelease) two"},
		{"only its manager", "annotate deployment two note=x --field-manager=argocd-controller", "two belongs to Argo CD"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			apps := func(version string) []app {
				return []app{{Name: "one", Env: map[string]string{"VERSION": version}}, {Name: "two", Env: map[string]string{"VERSION": version}}}
			}
			s.deploy(apps("old")...)
			testenv.Kubectl(t, append([]string{"--namespace", s.namespace}, strings.Fields(tt.command)...)...)
			result, err := Deploy(t.Context(), s.options(apps("new")...))
			var owned *OwnedError
			if !errors.As(err, &owned) || !strings.HasSuffix(owned.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if v := s.versions(); v["one"] != "old 1/1" || len(result.Undone) > 0 {
				t.Errorf("%v, taken back %v", v, result.Undone)
			}
		})
	}
}
