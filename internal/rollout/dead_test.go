package rollout

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/testenv/testenv"
)

// evicted is a pod of the new ReplicaSet that came to its end.
func evicted(name, message string) *corev1.Pod {
	p := newPod(name, "new")
	p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, "Evicted", message
	p.Status.ContainerStatuses[0].State.Terminated = &corev1.ContainerStateTerminated{ExitCode: 137}
	p.Status.ContainerStatuses[0].RestartCount = 3
	return p
}

// Pods that came to their end beside a healthy one decide nothing.
func TestDeadPodsAreNoPods(t *testing.T) {
	ended := func(phase corev1.PodPhase) func(*world) {
		return func(s *world) {
			s.converged()
			p := evicted("api-dead", "The node was low on resource: memory.")
			p.Status.Phase = phase
			s.pods = append(s.pods, p)
		}
	}
	const tooBig = "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi."
	for _, tt := range []struct {
		name       string
		change     func(*world)
		done       bool
		why, fails string
	}{
		{"a failed one beside its replacement", ended(corev1.PodFailed), true, "", ""},
		{"a succeeded one beside its replacement", ended(corev1.PodSucceeded), true, "", ""},
		{"its replacement starts", func(s *world) { s.pods[0] = evicted("api-dead", "The node was low on resource: memory.") },
			false, "pod api-dead died: Evicted The node was low on resource: memory.", ""},
		{"it died before our write", func(s *world) {
			s.pods[0] = evicted("api-dead", "long ago")
			s.exits = exitsOf(s.pods)
		}, false, "", ""},
		{"evicted once, for what it takes", func(s *world) { s.pods[0] = evicted("api-dead", tooBig) }, false, "pod api-dead died: Evicted " + tooBig, ""},
		{"evicted twice, for what it takes", func(s *world) {
			s.pods = []*corev1.Pod{s.pods[1], evicted("api-dead", tooBig), evicted("api-dead-too", tooBig)}
		}, false, "", "its pods are evicted again and again: " + tooBig},
	} {
		s := newWorld()
		tt.change(s)
		v := s.assess()
		reason := ""
		if v.failure != nil {
			reason = v.failure.reason
		}
		if v.done != tt.done || reason != tt.fails || tt.fails == "" && v.why() != tt.why {
			t.Errorf("%s: done %t, held up by %q, fails %q", tt.name, v.done, v.why(), reason)
		}
		for _, pod := range v.pods {
			if dead(pod) {
				t.Errorf("%s: %s would be asked for its health", tt.name, pod.Name)
			}
		}
	}
}

// What ends because its pod leaves did not fail, nor did a container beside the
// service's own that was started again once.
func TestEndedAfterItWasHealthy(t *testing.T) {
	pod := func(change func(*corev1.Pod, *corev1.ContainerStatus)) *corev1.Pod {
		p := newPod("api-new", "new")
		p.Spec.Containers = []corev1.Container{{Name: "api", Image: "b"}, {Name: "shipper", Image: "logs"}}
		always := corev1.ContainerRestartPolicyAlways
		p.Spec.InitContainers = []corev1.Container{{Name: "proxy", RestartPolicy: &always}}
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "proxy"}}
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "api"}, {Name: "shipper"}}
		if change != nil {
			change(p, &p.Status.ContainerStatuses[0])
		}
		return p
	}
	before := exitsOf([]*corev1.Pod{pod(nil)})
	ends := func(c *corev1.ContainerStatus) {
		c.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: 143}
	}
	for _, tt := range []struct {
		name   string
		change func(*corev1.Pod, *corev1.ContainerStatus)
		want   string
	}{
		{"nothing", nil, ""},
		{"it ends", func(_ *corev1.Pod, c *corev1.ContainerStatus) { ends(c) }, "container api ended after it was healthy"},
		{"it was started again", func(_ *corev1.Pod, c *corev1.ContainerStatus) { c.RestartCount = 1 }, "container api ended after it was healthy"},
		{"it is drained", func(p *corev1.Pod, c *corev1.ContainerStatus) {
			p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
			ends(c)
		}, ""},
		{"it is evicted", func(p *corev1.Pod, c *corev1.ContainerStatus) { p.Status.Phase = corev1.PodFailed; ends(c) }, ""},
		{"it is about to be evicted", func(p *corev1.Pod, c *corev1.ContainerStatus) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}
			ends(c)
		}, ""},
		{"a sidecar was started again", func(p *corev1.Pod, _ *corev1.ContainerStatus) { p.Status.InitContainerStatuses[0].RestartCount = 1 }, ""},
		{"a sidecar ends again and again", func(p *corev1.Pod, _ *corev1.ContainerStatus) { p.Status.InitContainerStatuses[0].RestartCount = 2 }, "container proxy ended 2 times after it was healthy"},
		{"a container beside it was started again", func(p *corev1.Pod, _ *corev1.ContainerStatus) { p.Status.ContainerStatuses[1].RestartCount = 1 }, ""},
		{"a container beside it ends again and again", func(p *corev1.Pod, _ *corev1.ContainerStatus) { p.Status.ContainerStatuses[1].RestartCount = 3 }, "container shipper ended 3 times after it was healthy"},
	} {
		reason := ""
		if found := restartOf(Service{Name: "shop", Image: "b"}, []*corev1.Pod{pod(tt.change)}, before); found != nil {
			reason = found.reason
		}
		if reason != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, reason, tt.want)
		}
	}
	// Which is its own: by image, port or name; where nothing tells, all are.
	p := pod(nil)
	p.Spec.Containers[1].Ports = []corev1.ContainerPort{{ContainerPort: 9090}}
	for _, tt := range []struct {
		s    Service
		owns string
	}{
		{Service{Name: "x", Image: "b"}, "api"}, {Service{Name: "x", Port: 9090}, "shipper"}, {Service{Name: "api"}, "api"}, {Service{Name: "x"}, "api shipper"},
	} {
		var own []string
		for _, name := range []string{"api", "shipper", "proxy"} {
			if tt.s.owns(p, name) {
				own = append(own, name)
			}
		}
		if got := strings.Join(own, " "); got != tt.owns {
			t.Errorf("%+v owns %q, want %q", tt.s, got, tt.owns)
		}
	}
}

// bury puts a pod that was evicted beside those of a service.
func (s *scene) bury(service string) {
	s.t.Helper()
	sets, err := kube.List[appsv1.ReplicaSet](s.t.Context(), s.cluster, kube.ReplicaSets, s.namespace, "app="+service, "")
	if err != nil || len(sets) != 1 {
		s.t.Fatalf("%d ReplicaSets, %v", len(sets), err)
	}
	// Made apart, since its controller would delete one too many before it is dead.
	pod := s.objects(`{apiVersion: v1, kind: Pod, metadata: {name: dead}, spec: {schedulingGates: [{name: example.com/never}], containers: [{name: app, image: "node:22-bookworm-slim"}]}}`)[0]
	if _, err := s.cluster.Create(s.t.Context(), pod); err != nil {
		s.t.Fatal(err)
	}
	testenv.Kubectl(s.t, "-n", s.namespace, "patch", "pod", "dead", "--subresource=status", "--type=merge", "--patch", `{"status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}}`)
	owned, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": sets[0].Spec.Selector.MatchLabels, "ownerReferences": []any{
		map[string]any{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": sets[0].Name, "uid": sets[0].UID, "controller": true},
	}}})
	if err != nil {
		s.t.Fatal(err)
	}
	testenv.Kubectl(s.t, "-n", s.namespace, "patch", "pod", "dead", "--type=merge", "--patch", string(owned))
}

// A pod that was evicted beside its healthy replacement fails neither a look at its
// service nor the release of another one.
func TestDeployBesideADeadPod(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.deploy(version("one", "1"), version("two", "1"))
	s.bury("one")
	o := s.options(version("one", "1"), version("two", "2"))
	o.Deadline = 20 * time.Second
	if _, err := Deploy(t.Context(), o); err != nil {
		t.Error(err)
	}
	o.Deadline = 10 * time.Second
	if result, err := Inspect(t.Context(), o); err != nil || result.Services[0].Pods != 1 {
		t.Errorf("%v, %+v", err, result.Services)
	}
}

// A pod that is drained while another service rolls ended, and did not fail.
func TestDrainedWhileAnotherRolls(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.deploy(version("one", "1"), version("two", "1"))
	o := s.options(version("one", "2"), version("two", "2"))
	progress, drained := o.Progress, false
	o.Progress = func(p Progress) {
		progress(p)
		if p.Service == "two" && p.Phase == Applying && !drained {
			drained = true
			testenv.Kubectl(t, "-n", s.namespace, "delete", "pod", "-l", "app=one", "--wait=false")
		}
	}
	if _, err := Deploy(t.Context(), o); err != nil || !drained {
		t.Errorf("%v", err)
	}
}
