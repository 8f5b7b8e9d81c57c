package rollout

import (
	"context"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/probe"
)

// counts adds up the counters of a service's pods, from their own metrics: what
// anybody else keeps about them comes later, and knows the old pods too. A
// service without metrics counts nothing.
func (r *run) counts(ctx context.Context, s Service, pods []*corev1.Pod) (total probe.Counts, failed *sign, err error) {
	if r.Metrics == nil || r.Settle == 0 || s.Port == 0 {
		return total, nil, nil
	}
	for _, pod := range pods {
		answer, err := r.Cluster.Metrics(ctx, r.Namespace, pod.Name, s.Port, r.Metrics.Path)
		switch {
		case err != nil:
			return total, nil, fmt.Errorf("read the metrics of %s: %w", pod.Name, err)
		case answer.Status == http.StatusNotFound:
			continue
		case answer.Status/100 != 2:
			return total, &sign{reason: fmt.Sprintf("pod %s does not show its metrics: %s answers %s", pod.Name, r.Metrics.Path, Clean(probe.Describe(answer))), pod: pod}, nil
		}
		counted, err := probe.ReadCounts(answer.Body, r.Metrics.Requests, r.Metrics.Errors)
		if err != nil {
			return total, &sign{reason: fmt.Sprintf("pod %s, %s: %s", pod.Name, r.Metrics.Path, Clean(err.Error())), pod: pod}, nil
		}
		total = total.Plus(counted)
	}
	return total, nil, nil
}

// errorsSince fails when too many requests failed since they were counted.
func (r *run) errorsSince(ctx context.Context, s Service, pods []*corev1.Pod, earlier probe.Counts) (*sign, error) {
	now, failed, err := r.counts(ctx, s, pods)
	if failed != nil || err != nil || r.Metrics == nil {
		return failed, err
	}
	if many := now.Since(earlier).TooMany(*r.Metrics); many != "" {
		return &sign{reason: "while it settled, " + many, pod: pods[0]}, nil
	}
	return nil, nil
}
