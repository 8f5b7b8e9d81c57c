package rollout

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

// barePod is one that the manifests have themselves: nobody makes another one
// when it ends. It has work to do and then ends, or it stays.
type barePod struct{ *corev1.Pod }

func (p barePod) wanted() int { return 1 }

func (p barePod) template() corev1.PodSpec { return p.Spec }

func (p barePod) news(all []*corev1.Pod) (out []*corev1.Pod) {
	for _, pod := range all {
		if pod.UID == p.UID && pod.DeletionTimestamp == nil {
			out = append(out, pod)
		}
	}
	return out
}

// ends reports whether it is work: not started again when it succeeds, and without
// a probe that would say that it serves.
func (p barePod) ends() bool {
	return p.Spec.RestartPolicy != corev1.RestartPolicyAlways && p.Spec.RestartPolicy != "" &&
		!slices.ContainsFunc(p.Spec.Containers, func(c corev1.Container) bool { return c.ReadinessProbe != nil })
}

func (p barePod) missing([]*corev1.Pod) string {
	switch {
	case p.ends() && p.Status.Phase != corev1.PodSucceeded:
		return "it has not come to its end"
	case !p.ends() && !ready(p.Pod):
		return "it is not ready"
	}
	return ""
}

func (p barePod) doomed([]*corev1.Pod) *sign {
	if !dead(p.Pod) || p.ends() && p.Status.Phase == corev1.PodSucceeded {
		return nil
	}
	found := &sign{reason: deathOf(p.Pod) + ", and nobody makes another one", pod: p.Pod}
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if end := lastEnd(c); end != nil && end.ExitCode != 0 {
			found.container, found.exitCode = c.Name, &end.ExitCode
		}
	}
	return found
}

// work reports whether an object is work that is done once, and not done again
// when a release goes back.
func work(obj *kube.Object) bool {
	if obj.GetKind() == jobKind {
		return true
	}
	if obj.GetKind() != podKind {
		return false
	}
	pod, err := kube.Typed[corev1.Pod](obj)
	return err == nil && barePod{pod}.ends()
}
