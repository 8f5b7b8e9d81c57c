package rollout

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// deployment is a Deployment with all ReplicaSets of the namespace.
type deployment struct {
	*appsv1.Deployment
	sets []*appsv1.ReplicaSet
}

func (d deployment) wanted() int { return int(replicas(d.Spec.Replicas)) }

func (d deployment) template() corev1.PodSpec { return d.Spec.Template.Spec }

func (d deployment) ends() bool { return false }

func (d deployment) news(all []*corev1.Pod) []*corev1.Pod {
	if set := d.newSet(); set != nil {
		return podsOf(set.UID, all)
	}
	return nil
}

// missing is what kubectl rollout status waits for as well. It never looks at
// the Progressing condition: crash loops keep resetting its deadline, and a stale
// one outlives the fix. Old pods that are terminating are not waited for: they
// are counted nowhere.
func (d deployment) missing(news []*corev1.Pod) string {
	wanted, status, ready := int32(d.wanted()), d.Status, countReady(news)
	pods := fmt.Sprintf("%d of %d new pods are ready", ready, wanted)
	switch {
	case status.ObservedGeneration < d.Generation:
		return notSeen
	case d.newSet() == nil:
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

func (d deployment) doomed(all []*corev1.Pod) *sign {
	set := d.newSet()
	if d.Spec.Paused && !d.rolled(set) {
		return &sign{reason: "its Deployment is paused, so nothing will happen until somebody runs `kubectl -n " + d.Namespace + " rollout resume deployment/" + d.Name + "`"}
	}
	if set != nil {
		return d.refused(set, all)
	}
	return nil
}

// rolled reports whether all its pods are of its present template, or its controller
// has not looked yet.
func (d deployment) rolled(set *appsv1.ReplicaSet) bool {
	status := d.Status
	return status.ObservedGeneration < d.Generation || set != nil && status.UpdatedReplicas >= int32(d.wanted()) && status.Replicas <= status.UpdatedReplicas
}

// newSet is the ReplicaSet made from the Deployment's present template, found
// as its controller finds it. The revision annotation would be simpler, but it
// is the old one for a moment when a release also changes the replicas.
func (d deployment) newSet() *appsv1.ReplicaSet {
	var found *appsv1.ReplicaSet
	for _, set := range d.sets {
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

// refused is the API server not letting the new ReplicaSet make pods.
func (d deployment) refused(set *appsv1.ReplicaSet, all []*corev1.Pod) *sign {
	message := refusalOf(set)
	if !finalRefusal(message) || overQuota(message, all) || strings.Contains(message, "exceeded quota") && d.makesRoom(set, all) {
		return nil
	}
	return &sign{reason: "its pods may not be created: " + Clean(message)}
}

// noProgress is that Kubernetes itself has given up on it. It is said and decides
// nothing: the deadline may be longer, and crash loops keep resetting its own.
func (d deployment) noProgress() *hold {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == "ProgressDeadlineExceeded" && d.Status.ObservedGeneration >= d.Generation {
			return &hold{text: fmt.Sprintf("its Deployment has made no progress for %ds (progressDeadlineSeconds)", replicas(d.Spec.ProgressDeadlineSeconds))}
		}
	}
	return nil
}

// refusal is why pods of the present template cannot be made, "" if they can.
func (d deployment) refusal() string {
	if set := d.newSet(); set != nil {
		return refusalOf(set)
	}
	return ""
}

func refusalOf(set *appsv1.ReplicaSet) string {
	for _, c := range set.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue && c.Reason == "FailedCreate" {
			return c.Message
		}
	}
	return ""
}

// overQuota reports whether a quota is what refuses a pod, and some that count
// there are on their way out, such as the old ones of the service before.
func overQuota(message string, all []*corev1.Pod) bool {
	return strings.Contains(message, "exceeded quota") && slices.ContainsFunc(all, func(p *corev1.Pod) bool { return p.DeletionTimestamp != nil })
}

// makesRoom reports whether old pods will go without waiting for new ones, and
// so free their share of the quota.
func (d deployment) makesRoom(set *appsv1.ReplicaSet, all []*corev1.Pod) bool {
	old := 0
	for _, pod := range all {
		for _, other := range d.sets {
			if other.UID != set.UID && controlledBy(other.OwnerReferences, d.UID) && controlledBy(pod.OwnerReferences, other.UID) {
				if pod.DeletionTimestamp != nil {
					return true
				}
				old++
			}
		}
	}
	rolling := d.Spec.Strategy.RollingUpdate
	if rolling == nil || rolling.MaxUnavailable == nil {
		return old > 0
	}
	none := rolling.MaxUnavailable.IntValue() == 0 && (rolling.MaxUnavailable.StrVal == "" || percentOf(rolling.MaxUnavailable.StrVal, replicas(d.Spec.Replicas)) == 0)
	return old > 0 && !none
}

func percentOf(share string, of int32) int32 {
	var percent int32
	if _, err := fmt.Sscanf(share, "%d%%", &percent); err != nil {
		return 0
	}
	return percent * of / 100
}
