package rollout

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// world is a Deployment of one replica in the middle of an update from image
// a to image b, with both ReplicaSets and a new pod that is starting.
type world struct {
	deployment *appsv1.Deployment
	sets       []*appsv1.ReplicaSet
	pods       []*corev1.Pod
	generation int64
	exits      map[string]int32
}

func (w *world) assess() verdict {
	s := state{pods: w.pods, generation: w.generation, exits: w.exits}
	if w.deployment != nil {
		s.workload = deployment{w.deployment, w.sets}
	}
	return assess(s)
}

func newWorld() *world {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "api", UID: "d", Generation: 2}}
	one := int32(1)
	d.Spec.Replicas, d.Spec.Template = &one, podTemplate("b")
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 1, AvailableReplicas: 1}
	return &world{
		deployment: d, generation: 2,
		sets: []*appsv1.ReplicaSet{replicaSet("old", "a"), replicaSet("new", "b")},
		pods: []*corev1.Pod{newPod("api-old", "old"), newPod("api-new", "new")},
	}
}

func podTemplate(image string) corev1.PodTemplateSpec {
	t := corev1.PodTemplateSpec{}
	t.Labels = map[string]string{"app": "api"}
	t.Spec.Containers = []corev1.Container{{Name: "api", Image: image}}
	return t
}

func replicaSet(uid, image string) *appsv1.ReplicaSet {
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: uid, UID: types.UID(uid), OwnerReferences: owner("d")}}
	set.Spec.Template = podTemplate(image)
	set.Spec.Template.Labels = map[string]string{"app": "api", appsv1.DefaultDeploymentUniqueLabelKey: uid}
	return set
}

func owner(uid string) []metav1.OwnerReference {
	yes := true
	return []metav1.OwnerReference{{UID: types.UID(uid), Controller: &yes}}
}

func newPod(name, set string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), OwnerReferences: owner(set)}}
	p.Spec.Containers = []corev1.Container{{Name: "api"}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "api", Image: "b"}}
	return p
}

func (s *world) converged() {
	s.deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}
	makeReady(s.pods[1])
	s.pods = s.pods[1:]
}

func makeReady(p *corev1.Pod) {
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue})
}

// container is the status of the new pod's container.
func (s *world) container() *corev1.ContainerStatus { return &s.pods[1].Status.ContainerStatuses[0] }

func waits(reason, message string) func(*world) {
	return func(s *world) {
		s.container().State.Waiting = &corev1.ContainerStateWaiting{Reason: reason, Message: message}
	}
}

func ended(code int32, restarts int32) func(*world) {
	return func(s *world) {
		s.container().State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}
		s.container().RestartCount = restarts
	}
}

func cannotRunWith(code int32) func(*world) {
	return func(s *world) {
		s.container().State.Terminated = &corev1.ContainerStateTerminated{ExitCode: code, Reason: cannotRun, Message: "exec format error"}
	}
}

func cannotCreate(message string) func(*world) {
	return func(s *world) {
		s.pods = s.pods[:1]
		s.sets[1].Status.Conditions = []appsv1.ReplicaSetCondition{{
			Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: message,
		}}
	}
}

func TestAssess(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*world)
		done    bool
		fails   string // part of the reason; empty: it does not fail
		waiting string // part of what it waits for
	}{
		{name: "starting", change: func(*world) {}, waiting: "0 of 1 new pods are ready"},
		{name: "converged", change: (*world).converged, done: true},
		{name: "old pods left", change: func(s *world) { makeReady(s.pods[1]) }, waiting: "old pods are still there"},
		{name: "ready for less than minReadySeconds", change: func(s *world) { s.converged(); s.deployment.Status.AvailableReplicas = 0 }, waiting: "not yet available"},
		{name: "no Deployment yet", change: func(s *world) { s.deployment = nil }, waiting: "not there yet"},
		{name: "watch is behind our write", change: func(s *world) { s.converged(); s.generation = 3 }, waiting: "not there yet"},
		{name: "controller is behind", change: func(s *world) { s.converged(); s.deployment.Status.ObservedGeneration = 1 }, waiting: "has not seen"},
		{name: "old pods only terminate", change: func(s *world) {
			old := s.pods[0]
			s.converged()
			old.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
			s.pods = append(s.pods, old)
		}, done: true},
		{name: "scaling seen before the new ReplicaSet is made", change: func(s *world) {
			s.converged()
			s.sets = s.sets[:1]
			s.deployment.Status.UpdatedReplicas = 0
		}, waiting: "no ReplicaSet"},
		{name: "available counts old pods", change: func(s *world) { s.deployment.Status.UpdatedReplicas = 0 }, waiting: "0 of 1 new pods exist"},
		{name: "not available", change: func(s *world) {
			s.deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1}
		}, waiting: "0 of 1 new pods are ready"},
		{name: "stale deadline condition", change: func(s *world) {
			s.converged()
			s.deployment.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"}}
		}, done: true},
		{name: "paused", change: func(s *world) { s.deployment.Spec.Paused = true }, fails: "paused"},
		{name: "paused, and nothing to do", change: func(s *world) {
			s.converged()
			s.deployment.Spec.Paused = true
		}, done: true},

		{name: "one exit", change: ended(1, 0)},
		{name: "second exit", change: ended(1, 1), fails: "exited 2 times, last with code 1"},
		{name: "second exit with code 0", change: ended(0, 1), fails: "exited 2 times"},
		{name: "restarted once, runs", change: func(s *world) {
			s.container().RestartCount = 1
			s.container().State.Running = &corev1.ContainerStateRunning{}
		}},
		{name: "exits of before do not count", change: func(s *world) {
			ended(1, 7)(s)
			s.exits = map[string]int32{"api-new/api": 7}
		}},
		{name: "crash loop", change: func(s *world) {
			waits("CrashLoopBackOff", "back-off 10s")(s)
			s.container().LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 3}
		}, fails: "again and again, last with code 3"},
		{name: "out of memory", change: func(s *world) {
			waits("CrashLoopBackOff", "")(s)
			s.container().LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}
		}, fails: "needs more memory"},
		{name: "crash loop of an old pod", change: func(s *world) {
			s.pods[0].Status.ContainerStatuses[0].State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}
		}},
		{name: "crash loop of a pod on its way out", change: func(s *world) {
			waits("CrashLoopBackOff", "")(s)
			s.pods[1].DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
		}},

		{name: "image not found", change: waits("ErrImagePull", `rpc error: code = NotFound desc = failed to resolve image: b: not found`), fails: "image b was not found"},
		{name: "image not found, backing off", change: waits("ImagePullBackOff", `Back-off pulling image "b": ErrImagePull: b: not found`), fails: "image b was not found"},
		{name: "registry busy", change: waits("ErrImagePull", "rpc error: toomanyrequests: 429"), waiting: "0 of 1 new pods are ready"},
		{name: "pull backs off", change: waits("ImagePullBackOff", `Back-off pulling image "b"`)},
		{name: "no such host", change: waits("ErrImagePull", "dial tcp: lookup registry: no such host")},
		{name: "bad image name", change: waits("InvalidImageName", ""), fails: "not a valid name"},
		{name: "secret missing", change: waits("CreateContainerConfigError", `secret "x" not found`), waiting: "0 of 1 new pods are ready"},
		{name: "configuration is wrong", change: waits("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"), fails: "will run as root"},
		{name: "secret cache", change: waits("CreateContainerConfigError", "failed to sync secret cache: timed out waiting for the condition")},
		{name: "no such command", change: waits("RunContainerError", `exec: "nope": executable file not found in $PATH`), fails: "cannot be started"},
		{name: "command not to be executed", change: cannotRunWith(127), fails: "cannot be started: exec format error"},
		{name: "runtime failed", change: cannotRunWith(128)},
		{name: "runtime failed twice", change: func(s *world) { cannotRunWith(128)(s); s.container().RestartCount = 1 }, fails: "exited 2 times: it cannot be started"},
		{name: "could not be executed before our write", change: func(s *world) {
			cannotRunWith(127)(s)
			s.exits = exitsOf(s.pods)
		}},
		{name: "node too slow", change: waits("RunContainerError", "context deadline exceeded")},

		{name: "init container done", change: func(s *world) {
			s.pods[1].Spec.InitContainers = []corev1.Container{{Name: "init"}}
			s.pods[1].Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "init", RestartCount: 1, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}}}
		}},
		{name: "init container fails twice", change: func(s *world) {
			s.pods[1].Spec.InitContainers = []corev1.Container{{Name: "init"}}
			s.pods[1].Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "init", RestartCount: 1, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2}}}}
		}, fails: "container init exited 2 times"},

		{name: "no room on the node", change: func(s *world) {
			s.pods[1].Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/1 nodes are available"}}
		}},
		{name: "quota, nothing will go", change: func(s *world) {
			cannotCreate(`pods "x" is forbidden: exceeded quota: q`)(s)
			none := intstr.FromString("25%")
			s.deployment.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: &none}
		}, fails: "may not be created"},
		{name: "quota, an old pod is going", change: func(s *world) {
			cannotCreate(`pods "x" is forbidden: exceeded quota: q`)(s)
			s.pods[0].DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
		}},
		{name: "quota, a pod of another service is going", change: func(s *world) {
			cannotCreate(`pods "x" is forbidden: exceeded quota: q`)(s)
			none := intstr.FromInt32(0)
			s.deployment.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: &none}
			other := newPod("web-old", "web")
			other.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
			s.pods = append(s.pods, other)
		}},
		{name: "no priority class yet", change: cannotCreate(`pods "x" is forbidden: no PriorityClass with name high was found`)},
		{name: "pod security", change: cannotCreate(`pods "x" is forbidden: violates PodSecurity "restricted:latest"`), fails: "PodSecurity"},
		{name: "webhook refuses", change: cannotCreate(`admission webhook "w" denied the request: no`), fails: "denied the request"},
		{name: "webhook is away", change: cannotCreate("failed calling webhook: connection refused")},
		{name: "service account not seen yet", change: cannotCreate(`pods "x" is forbidden: error looking up service account n/s: serviceaccount "s" not found`)},
		{name: "failure of the old ReplicaSet", change: func(s *world) {
			s.sets[0].Status.Conditions = []appsv1.ReplicaSetCondition{{Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "forbidden"}}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newWorld()
			tt.change(s)
			v := s.assess()
			if v.done != tt.done {
				t.Errorf("done = %v, waiting for %q", v.done, v.waiting)
			}
			switch {
			case tt.fails == "" && v.failure != nil:
				t.Errorf("fails: %s", v.failure.reason)
			case tt.fails != "" && v.failure == nil:
				t.Errorf("does not fail, waits for %q", v.waiting)
			case tt.fails != "" && !strings.Contains(v.failure.reason, tt.fails):
				t.Errorf("reason = %q, want %q in it", v.failure.reason, tt.fails)
			}
			if !strings.Contains(v.waiting, tt.waiting) {
				t.Errorf("waiting = %q, want %q in it", v.waiting, tt.waiting)
			}
		})
	}
}

func TestTooLateNamesWhatIsMissing(t *testing.T) {
	s := newWorld()
	if got := unready(s.pods[1]); got != "" {
		t.Errorf("a pod with nothing to say: %q", got)
	}
	waits("ImagePullBackOff", "Back-off pulling")(s)
	if got := unready(s.pods[1]); !strings.Contains(got, "ImagePullBackOff Back-off pulling") {
		t.Errorf("waiting container: %q", got)
	}
}
