package rollout

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// job has converged when its work is done.
type job struct{ *batchv1.Job }

func (j job) wanted() int {
	if j.Spec.Completions != nil {
		return int(*j.Spec.Completions)
	}
	return 1
}

func (j job) template() corev1.PodSpec { return j.Spec.Template.Spec }

func (j job) ends() bool { return true }

func (j job) news(all []*corev1.Pod) []*corev1.Pod { return podsOf(j.UID, all) }

func (j job) missing([]*corev1.Pod) string {
	if j.condition(batchv1.JobComplete) != nil {
		return ""
	}
	return fmt.Sprintf("%d of %d runs succeeded", j.Status.Succeeded, j.wanted())
}

// doomed leaves it to the Job how often its pods may fail.
func (j job) doomed(all []*corev1.Pod) *sign {
	if j.Spec.Suspend != nil && *j.Spec.Suspend {
		return &sign{reason: "its Job is suspended, so nothing will happen"}
	}
	for _, kind := range []batchv1.JobConditionType{batchv1.JobFailed, batchv1.JobFailureTarget} {
		failed := j.condition(kind)
		if failed == nil {
			continue
		}
		found := &sign{reason: "its Job failed: " + Clean(failed.Message)}
		for _, pod := range podsOf(j.UID, all) {
			for _, c := range pod.Status.ContainerStatuses {
				if end := lastEnd(c); end != nil && end.ExitCode != 0 {
					found.pod, found.container, found.exitCode = pod, c.Name, &end.ExitCode
				}
			}
		}
		return found
	}
	return nil
}

func (j job) condition(kind batchv1.JobConditionType) *batchv1.JobCondition {
	for i, c := range j.Status.Conditions {
		if c.Type == kind && c.Status == corev1.ConditionTrue {
			return &j.Status.Conditions[i]
		}
	}
	return nil
}
