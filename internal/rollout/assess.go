package rollout

import (
	"fmt"
	"sort"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// state is all that decides whether a Deployment has converged.
type state struct {
	deployment *appsv1.Deployment
	sets       []*appsv1.ReplicaSet
	pods       []*corev1.Pod
	// generation is the one our write made. What is older says nothing about us.
	generation int64
	// exits of containers that ran before our write. A service that is not
	// rolled may have restarted last month.
	exits map[string]int32
}

// verdict is what a state says.
type verdict struct {
	done    bool
	failure *sign
	ready   int
	wanted  int
	// waiting says what is still missing, for progress and for the deadline.
	waiting string
	// pods of the new ReplicaSet that are not on their way out.
	pods []*corev1.Pod
}

// sign is why a service cannot become healthy by waiting.
type sign struct {
	reason    string
	pod       *corev1.Pod
	container string
	exitCode  *int32
}

// assess decides about a state. It never looks at the Progressing condition:
// crash loops keep resetting its deadline, and a stale one outlives the fix.
func assess(s state) verdict {
	d := s.deployment
	if d == nil || d.Generation < s.generation {
		return verdict{waiting: "the Deployment is not there yet"}
	}
	v := verdict{wanted: int(replicas(d))}
	set := newSet(d, s.sets)
	if set != nil {
		v.pods = podsOf(set, s.pods)
		v.ready = countReady(v.pods)
	}
	if v.failure = doomed(s, set, v.pods); v.failure != nil {
		return v
	}
	v.waiting = missing(d, set, v.ready)
	v.done = v.waiting == ""
	return v
}

// missing is what kubectl rollout status waits for as well. Old pods that are
// terminating are not waited for: they are counted nowhere.
func missing(d *appsv1.Deployment, set *appsv1.ReplicaSet, ready int) string {
	wanted, status := replicas(d), d.Status
	pods := fmt.Sprintf("%d of %d new pods are ready", ready, wanted)
	switch {
	case status.ObservedGeneration < d.Generation:
		return "the controller has not seen the change yet"
	case set == nil:
		return "there is no ReplicaSet for the new pods yet"
	case status.UpdatedReplicas < wanted:
		return fmt.Sprintf("%d of %d new pods exist", status.UpdatedReplicas, wanted)
	case ready < int(wanted):
		return pods
	case status.Replicas > status.UpdatedReplicas:
		return "old pods are still there"
	case status.AvailableReplicas < status.UpdatedReplicas:
		return pods + ", but not yet available"
	}
	return ""
}

func replicas(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

// newSet is the ReplicaSet made from the Deployment's present template, found
// as its controller finds it. The revision annotation would be simpler, but it
// is the old one for a moment when a release also changes the replicas.
func newSet(d *appsv1.Deployment, sets []*appsv1.ReplicaSet) *appsv1.ReplicaSet {
	var found *appsv1.ReplicaSet
	for _, set := range sets {
		if !controlledBy(set.OwnerReferences, d.UID) || !sameTemplate(&set.Spec.Template, &d.Spec.Template) {
			continue
		}
		if found == nil || set.CreationTimestamp.Before(&found.CreationTimestamp) {
			found = set
		}
	}
	return found
}

func sameTemplate(of, want *corev1.PodTemplateSpec) bool {
	of = of.DeepCopy()
	delete(of.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	want = want.DeepCopy()
	delete(want.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return equality.Semantic.DeepEqual(of, want)
}

func controlledBy(owners []metav1.OwnerReference, uid types.UID) bool {
	for _, owner := range owners {
		if owner.Controller != nil && *owner.Controller && owner.UID == uid {
			return true
		}
	}
	return false
}

func podsOf(set *appsv1.ReplicaSet, pods []*corev1.Pod) []*corev1.Pod {
	var out []*corev1.Pod
	for _, pod := range pods {
		if pod.DeletionTimestamp == nil && controlledBy(pod.OwnerReferences, set.UID) {
			out = append(out, pod)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func countReady(pods []*corev1.Pod) int {
	n := 0
	for _, pod := range pods {
		if ready(pod) {
			n++
		}
	}
	return n
}

func ready(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
