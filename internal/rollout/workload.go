package rollout

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/teei/slipway/internal/kube"
)

// The kinds of what makes pods. Each converges by its own rules.
const (
	deploymentKind  = "Deployment"
	statefulSetKind = "StatefulSet"
	daemonSetKind   = "DaemonSet"
	jobKind         = "Job"
	podKind         = "Pod"
)

// versions are those in which they are read.
var versions = map[string]schema.GroupVersion{
	deploymentKind: kube.Deployments.GroupVersion(), statefulSetKind: kube.StatefulSets.GroupVersion(),
	daemonSetKind: kube.DaemonSets.GroupVersion(), jobKind: kube.Jobs.GroupVersion(), podKind: kube.Pods.GroupVersion(),
}

// kindOf is the kind of a workload.
func kindOf(w workload) string {
	switch w.(type) {
	case deployment:
		return deploymentKind
	case statefulSet:
		return statefulSetKind
	case daemonSet:
		return daemonSetKind
	case barePod:
		return podKind
	}
	return jobKind
}

// runs reports whether objects of a kind make pods that a release waits for.
func runs(kind string) bool { return serves(kind) || kind == jobKind || kind == podKind }

// serves reports whether pods of a kind stay, so that it can be a service.
func serves(kind string) bool {
	return kind == deploymentKind || kind == statefulSetKind || kind == daemonSetKind
}

// workload is a live object that makes pods, together with what its kind needs
// to tell which pods are new.
type workload interface {
	metav1.Object
	// template is what its pods are made from.
	template() corev1.PodSpec
	// wanted is how many pods it asks for.
	wanted() int
	// news picks the pods of its present template; those on their way out do not count.
	news(all []*corev1.Pod) []*corev1.Pod
	// missing says what is still to come, "" when it has converged.
	missing(news []*corev1.Pod) string
	// doomed finds what waiting cannot heal, beside what is wrong with its pods.
	doomed(all []*corev1.Pod) *sign
	// ends reports whether its pods are meant to come to an end.
	ends() bool
}

// writtenAt is when an object was written last, by the clock of the API server.
func writtenAt(obj *kube.Object) (at time.Time) {
	at = obj.GetCreationTimestamp().Time
	for _, entry := range obj.GetManagedFields() {
		if entry.Subresource == "" && entry.Time != nil && entry.Time.After(at) {
			at = entry.Time.Time
		}
	}
	return at
}

// podsOf are those that an owner made and that are not on their way out.
func podsOf(owner types.UID, pods []*corev1.Pod) []*corev1.Pod {
	var out []*corev1.Pod
	for _, pod := range pods {
		if pod.DeletionTimestamp == nil && controlledBy(pod.OwnerReferences, owner) {
			out = append(out, pod)
		}
	}
	return out
}

func controlledBy(owners []metav1.OwnerReference, uid types.UID) bool {
	for _, owner := range owners {
		if owner.Controller != nil && *owner.Controller && owner.UID == uid {
			return true
		}
	}
	return false
}

// kinds are those of objects in the namespace, and of the services.
func (r *run) kinds(objects []*kube.Object) map[string]bool {
	kinds := map[string]bool{}
	for _, obj := range objects {
		kinds[obj.GetKind()] = true
	}
	for _, c := range r.Earlier {
		kinds[c.Object.GetKind()] = true
	}
	return kinds
}

// kindOf is the kind of a service's workload, as far as is known.
func (r *run) kindOf(service string) string {
	if obj := r.manifestOf(service); obj != nil {
		return obj.GetKind()
	}
	if _, kind := r.view.service(service); kind != "" {
		return kind
	}
	return deploymentKind
}

// ran reports whether nothing was wrong with a workload before the first write: one
// whose pods are ready and do not answer cannot be asked to when it goes back.
func (r *run) ran(d Difference) bool {
	name := d.Service
	if name == "" {
		name = kube.ID(d.Object)
	}
	c := r.unwell(name)
	return c == nil || c.Idle
}

// ranBefore reports whether a workload had all its pods before we touched it. One
// that was broken already cannot be asked to run again.
func ranBefore(before *kube.Object) bool {
	if before == nil || !serves(before.GetKind()) {
		return false
	}
	has := func(path ...string) int64 {
		n, _, _ := unstructured.NestedInt64(before.Object, path...)
		return n
	}
	wanted, said, _ := unstructured.NestedInt64(before.Object, "spec", "replicas")
	if !said {
		wanted = 1
	}
	switch before.GetKind() {
	case deploymentKind:
		return has("status", "availableReplicas") >= wanted && has("status", "updatedReplicas") >= wanted
	case statefulSetKind:
		return has("status", "readyReplicas") >= wanted
	}
	return has("status", "numberReady") >= has("status", "desiredNumberScheduled")
}
