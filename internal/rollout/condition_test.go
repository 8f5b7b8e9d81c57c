package rollout

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
)

// What a service is before a release, by the state of its workload.
func TestConditionOf(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	endedAgo := func(ago time.Duration, restarts int32) func(*world) {
		return func(s *world) {
			c := s.container()
			s.converged()
			c.RestartCount = restarts
			c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 3, FinishedAt: metav1.NewTime(now.Add(-ago))}
		}
	}
	// It ran for this long before its last end, and runs for this long since.
	ranAndRuns := func(ran, runs time.Duration) func(*world) {
		return func(s *world) {
			c := s.container()
			endedAgo(runs, 3)(s)
			c.LastTerminationState.Terminated.StartedAt = metav1.NewTime(now.Add(-runs - ran))
			c.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now.Add(-runs))}}
		}
	}
	for name, tt := range map[string]struct {
		change func(*world)
		want   string // of the reason; "" is healthy
		idle   bool
	}{
		"healthy":                             {(*world).converged, "", false},
		"crashes":                             {waits("CrashLoopBackOff", ""), "exits again and again", false},
		"is not ready":                        {func(s *world) { s.converged(); s.pods[0].Status.Conditions = nil }, "0 of 1 new pods are ready", false},
		"waits for a secret":                  {waits("ContainerCreating", "secret not found"), "ContainerCreating secret not found", false},
		"is scaled to 0":                      {func(s *world) { s.converged(); none := int32(0); s.deployment.Spec.Replicas = &none }, "asks for no pods", true},
		"ready between two ends":              {endedAgo(time.Minute, 3), "container api ended 3 times, 1m0s ago the last time, last with code 3", false},
		"runs no longer than the last time":   {ranAndRuns(3*time.Minute, 5*time.Minute), "container api ended 3 times", false},
		"has outlived its last run":           {ranAndRuns(3*time.Second, time.Minute), "", false},
		"recovered long ago":                  {endedAgo(time.Hour, 30), "", false},
		"ended once, as on a node that began": {endedAgo(time.Minute, 1), "", false},
	} {
		w := newWorld()
		tt.change(w)
		w.exits = exitsOf(w.pods)
		c := conditionOf("api", w.assess(), now)
		switch {
		case tt.want == "" && c != nil:
			t.Errorf("%s: %+v", name, c)
		case tt.want != "" && (c == nil || !strings.Contains(c.Reason, tt.want) || c.Idle != tt.idle || c.Name != "api"):
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// Only what this release does not write, in no attempt at it, is passed over.
func TestAsBefore(t *testing.T) {
	obj := &kube.Object{}
	obj.SetKind(deploymentKind)
	obj.SetName("api")
	unwell := []ledger.Condition{{Name: "api", Reason: "it crashes"}}
	for name, tt := range map[string]struct {
		before  []ledger.Condition
		changed bool
		earlier []Change
		passed  bool
	}{
		"unhealthy and not changed":             {unwell, false, nil, true},
		"unhealthy and changed":                 {unwell, true, nil, false},
		"changed by an attempt that died":       {unwell, false, []Change{{Object: obj}}, false},
		"healthy":                               {nil, false, nil, false},
		"another one is unhealthy":              {[]ledger.Condition{{Name: "web"}}, false, nil, false},
		"it asked for no pods, and is the same": {[]ledger.Condition{{Name: "api", Idle: true}}, false, nil, true},
	} {
		r := newRun(Options{Before: tt.before, Earlier: tt.earlier})
		if got := r.asBefore("api", Difference{Object: obj, Changed: tt.changed}) != nil; got != tt.passed {
			t.Errorf("%s: passed over: %t", name, got)
		}
	}
}
