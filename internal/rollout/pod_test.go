package rollout

import (
	"errors"
	"strings"
	"testing"
	"text/template"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

// A Pod of the manifests is work that has to succeed, or stays and has to be ready.
func TestAssessBarePod(t *testing.T) {
	made := func(policy corev1.RestartPolicy, change func(*corev1.Pod)) state {
		p := newPod("tool", "nobody")
		p.OwnerReferences, p.Spec.RestartPolicy = nil, policy
		p.Status.Phase = corev1.PodRunning
		change(p)
		return state{workload: barePod{p}, pods: []*corev1.Pod{p}}
	}
	ended := func(phase corev1.PodPhase, code int32) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.Phase = phase
			p.Status.ContainerStatuses[0].State.Terminated = &corev1.ContainerStateTerminated{ExitCode: code}
		}
	}
	const never, always, onFailure = corev1.RestartPolicyNever, corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure
	for _, tt := range []struct {
		name         string
		s            state
		waits, fails string
	}{
		{"work that goes on", made(never, makeReady), "it has not come to its end", ""},
		{"work that is done", made(never, ended(corev1.PodSucceeded, 0)), "", ""},
		{"work that failed", made(never, ended(corev1.PodFailed, 3)), "", "pod tool died: last with code 3, and nobody makes another one"},
		{"work that is tried again", made(onFailure, ended(corev1.PodRunning, 3)), "it has not come to its end", ""},
		{"work that fails again", made(onFailure, func(p *corev1.Pod) {
			ended(corev1.PodRunning, 3)(p)
			p.Status.ContainerStatuses[0].RestartCount = 1
		}), "", "container api exited 2 times, last with code 3"},
		{"a server that is not started again", made(never, func(p *corev1.Pod) {
			p.Spec.Containers[0].ReadinessProbe = &corev1.Probe{}
			makeReady(p)
		}), "", ""},
		{"it starts", made(always, func(*corev1.Pod) {}), "it is not ready", ""},
		{"it is ready", made(always, makeReady), "", ""},
		{"it was evicted", made(always, func(p *corev1.Pod) {
			p.Status.Phase, p.Status.Reason = corev1.PodFailed, "Evicted"
		}), "", "pod tool died: Evicted, and nobody makes another one"},
	} {
		v := assess(tt.s)
		switch {
		case (v.failure != nil) != (tt.fails != "") || v.failure != nil && v.failure.reason != tt.fails:
			t.Errorf("%s: %+v", tt.name, v.failure)
		case v.failure == nil && (v.done != (tt.waits == "") || v.waiting != tt.waits):
			t.Errorf("%s: %+v", tt.name, v)
		}
	}
}

var podManifest = template.Must(template.New("pod").Parse(`
apiVersion: v1
kind: Pod
metadata: {name: tool}
spec:
  restartPolicy: {{.Policy}}
  terminationGracePeriodSeconds: 0
  containers: [{name: tool, image: node:22-bookworm-slim, command: [node, -e, {{printf "%q" .Script}}]}]
`))

// What a Pod of the manifests exits with is noticed; one that changes is made anew,
// and goes back.
func TestDeployBarePod(t *testing.T) {
	t.Parallel()
	const stays = `setInterval(() => {}, 1000); console.log("$v")`
	for _, tt := range []struct{ policy, script, fails string }{
		{"Never", `console.log("done")`, ""},
		{"Never", `process.exit(3)`, "code 3"},
		{"Always", stays, ""},
		{"Always", `setTimeout(() => process.exit(3), 200)`, "container tool "},
	} {
		t.Run(tt.policy+" "+tt.fails, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			deploy := func(script string) (*Result, error) {
				o := Options{Cluster: s.cluster, Namespace: s.namespace, Deadline: time.Minute, Settle: 3 * time.Second}
				o.Objects = s.render(podManifest, map[string]string{"Policy": tt.policy, "Script": script})
				return Deploy(t.Context(), o)
			}
			result, err := deploy(tt.script)
			if tt.fails != "" {
				var failure *Failure
				if !errors.As(err, &failure) || !strings.Contains(failure.Reason, tt.fails) || failure.ExitCode == nil || *failure.ExitCode != 3 || !result.Undone[0].Verified {
					t.Fatalf("%v, %+v", err, result)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			first := s.barePod("tool")
			if _, err := deploy(tt.script); err != nil || s.barePod("tool").UID != first.UID {
				t.Fatalf("the same again: %v", err)
			}
			result, err = deploy(`process.exit(3)`)
			if err == nil || !result.Undone[0].Verified {
				t.Fatalf("another one: %v, %+v", err, result.Undone)
			}
			if p := s.barePod("tool"); (p != nil) != (tt.policy == "Always") || p != nil && p.Spec.Containers[0].Command[2] != stays {
				t.Errorf("afterwards there is %+v", p)
			}
		})
	}
}

func (s *scene) barePod(name string) *corev1.Pod {
	s.t.Helper()
	p, err := kube.GetOne[corev1.Pod](s.t.Context(), s.cluster, kube.Pods, s.namespace, name)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}
