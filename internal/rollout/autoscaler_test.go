package rollout

import (
	"testing"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/testenv/testenv"
)

// Replicas that an autoscaler chose survive a release and its undo.
func TestDeployLeavesReplicasToTheAutoscaler(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.deploy(version("gateway", "1"))
	scaler, err := kube.Render(t.Context(), kube.Source{Name: "test", Text: []byte(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: gateway}
spec: {minReplicas: 2, maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: gateway}}
`)}, kube.RenderOptions{Namespace: s.namespace})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.cluster.Apply(t.Context(), scaler[0], kube.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	testenv.Kubectl(t, "-n", s.namespace, "scale", "deployment/gateway", "--replicas=2")
	testenv.Kubectl(t, "-n", s.namespace, "rollout", "status", "deployment/gateway", "--timeout=60s")

	second := version("gateway", "2")
	second.Replicas = 1
	if result := s.deploy(second); result.Services[0].Pods != 2 {
		t.Errorf("after the release: %+v", result.Services[0])
	}
	broken := version("gateway", "3").with("EXIT", "boom")
	if _, err := Deploy(t.Context(), s.options(broken)); err == nil {
		t.Fatal("no error")
	}
	if now := s.versions()["gateway"]; now != "2 2/2" {
		t.Errorf("after the undo: %s", now)
	}
}
