package environment

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/internal/rollout"
)

const (
	lastLines   = 20               // of a service
	longestRead = 10 * time.Second // of all
)

// Said are the last lines of a release's services, of the newest pod of each. What
// cannot be read in a short time is left out: it is for a report, and no finding.
func (e *Environment) Said(ctx context.Context, r *ledger.Record) []report.Said {
	ctx, stop := context.WithTimeout(ctx, longestRead)
	defer stop()
	pods, err := kube.List[corev1.Pod](ctx, e.Cluster, kube.Pods, e.Target.Namespace, "", "")
	if err != nil {
		return nil
	}
	newest := map[string]*corev1.Pod{}
	for _, pod := range pods {
		service := serviceOf(pod)
		if _, ours := r.Images[service]; ours && (newest[service] == nil || newest[service].CreationTimestamp.Before(&pod.CreationTimestamp)) {
			newest[service] = pod
		}
	}
	redact := rollout.RedactHeld(ctx, e.Cluster, e.Target.Namespace, platform.Redactor(slices.Collect(maps.Values(e.Target.Values))))
	services := slices.Sorted(maps.Keys(newest))
	said := make([]report.Said, len(services))
	var work errgroup.Group
	work.SetLimit(8)
	for i, service := range services {
		work.Go(func() error {
			pod := newest[service]
			said[i].Service = service
			log, err := e.Cluster.Logs(ctx, e.Target.Namespace, pod.Name, kube.LogOptions{Container: pod.Spec.Containers[0].Name, Lines: lastLines})
			if err == nil {
				said[i].Lines = rollout.CleanLines([]byte(redact(string(log))))
			}
			for n, line := range said[i].Lines {
				said[i].Lines[n] = redact(line) // a control character in its middle must not hide a secret
			}
			return nil
		})
	}
	_ = work.Wait() // none fails
	return slices.DeleteFunc(said, func(s report.Said) bool { return len(s.Lines) == 0 })
}

// serviceOf is the workload that a pod belongs to. A Deployment's pods belong to a
// ReplicaSet, which has the Deployment's name and the hash of its template.
func serviceOf(pod *corev1.Pod) string {
	for _, owner := range pod.OwnerReferences {
		if owner.Controller != nil && *owner.Controller {
			return strings.TrimSuffix(owner.Name, "-"+pod.Labels["pod-template-hash"])
		}
	}
	return ""
}
