package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/probe"
)

// errMoved says that pods changed while they were asked, so that waiting starts again.
var errMoved = errors.New("the pods changed meanwhile")

// probe asks each new pod itself and then the Service once. A Service answers
// from old pods as well, so its answer alone would prove nothing. It returns how
// long the slowest good answer took.
func (r *run) probe(ctx context.Context, s Service, g goal, pods []*corev1.Pod) (slowest time.Duration, failed *sign, err error) {
	if s.Port == 0 || s.Health == "" {
		return 0, nil, nil
	}
	service, err := r.endpoint(ctx, s.Name)
	if err != nil {
		return 0, nil, err
	}
	var alone *corev1.Pod // and asked when it was new: what the Service answers is its answer
	if r.again && len(pods) == 1 && only(service, pods[0], r.view.pods.List()) {
		alone = pods[0]
	}
	for _, pod := range pods {
		if pod == alone {
			continue
		}
		still := func() error { return r.still(g, pod) }
		took, err := probe.Health(ctx, probe.HealthOptions{
			Ask: func(ctx context.Context) (*kube.Answer, error) {
				return r.Cluster.GetPod(ctx, r.Namespace, pod.Name, s.Port, s.Health)
			},
			Deadline: g.deadline, Still: still,
		})
		if failed, err := signOf(err, fmt.Sprintf("pod %s does not answer %s on port %d", pod.Name, s.Health, s.Port), pod); failed != nil || err != nil {
			return 0, failed, err
		}
		slowest = max(slowest, took)
	}
	took, failed, err := r.probeService(ctx, s, service, g, pods)
	if failed != nil && failed.pod == nil {
		failed.pod = alone
	}
	return max(slowest, took), failed, err
}

// only reports whether a pod is the only one, of all, that a Service leads to.
func only(service *corev1.Service, pod *corev1.Pod, all []*corev1.Pod) bool {
	if service == nil || len(service.Spec.Selector) == 0 {
		return false
	}
	selector, behind := labels.SelectorFromSet(service.Spec.Selector), 0
	for _, p := range all {
		if p.DeletionTimestamp == nil && !dead(p) && selector.Matches(labels.Set(p.Labels)) {
			behind++
		}
	}
	return behind == 1 && selector.Matches(labels.Set(pod.Labels))
}

func (r *run) probeService(ctx context.Context, s Service, service *corev1.Service, g goal, pods []*corev1.Pod) (took time.Duration, failed *sign, err error) {
	if service == nil {
		return 0, nil, nil // a service that nobody calls by name, such as a bot, has none
	}
	port, ok := servicePort(service, s.Port, pods)
	if !ok {
		return 0, &sign{reason: fmt.Sprintf("none of the ports of Service %s leads to port %d", s.Name, s.Port)}, nil
	}
	took, err = probe.Health(ctx, probe.HealthOptions{
		Ask: func(ctx context.Context) (*kube.Answer, error) {
			return r.Cluster.GetService(ctx, r.Namespace, s.Name, port, s.Health)
		},
		Deadline: g.deadline, Still: func() error { return r.still(g, nil) },
	})
	failed, err = signOf(err, fmt.Sprintf("Service %s does not answer %s", s.Name, s.Health), nil)
	return took, failed, err
}

// still returns why asking on is useless: the service is failing otherwise, or the pod is gone.
func (r *run) still(g goal, pod *corev1.Pod) error {
	v := r.view.assess(g)
	if v.failure != nil {
		return &doom{v.failure}
	}
	if pod != nil && !present(pod, v.pods) {
		return errMoved
	}
	return nil
}

// doom carries a sign through an error.
type doom struct{ sign *sign }

func (d *doom) Error() string { return d.sign.reason }

func signOf(err error, what string, pod *corev1.Pod) (*sign, error) {
	var found *doom
	switch {
	case err == nil, errors.Is(err, errMoved), errors.Is(err, errOther), errors.Is(err, context.Canceled):
		return nil, err
	case errors.As(err, &found):
		return found.sign, nil
	}
	return &sign{reason: what + ": " + Clean(err.Error()), pod: pod}, nil
}

// servicePort finds the port of a Service that leads to the given one of its pods.
func servicePort(service *corev1.Service, port int, pods []*corev1.Pod) (string, bool) {
	names := map[string]bool{}
	for _, pod := range pods {
		for _, c := range pod.Spec.Containers {
			for _, p := range c.Ports {
				if int(p.ContainerPort) == port && p.Name != "" {
					names[p.Name] = true
				}
			}
		}
	}
	for _, p := range service.Spec.Ports {
		target := p.TargetPort.IntValue()
		if target == 0 && p.TargetPort.StrVal == "" {
			target = int(p.Port)
		}
		if target == port || p.TargetPort.StrVal != "" && names[p.TargetPort.StrVal] {
			return strconv.Itoa(int(p.Port)), true
		}
	}
	return "", false
}

// answerOf adds what a pod that never got ready answers when asked itself: where
// its readiness probe asks, since that may name what it waits for.
func (r *run) answerOf(ctx context.Context, s Service, failed *sign) *sign {
	if failed.pod == nil || !running(failed.pod) {
		return failed
	}
	port, path := asked(failed.pod)
	if path == "" {
		port, path = s.Port, s.Health
	}
	if port == 0 || path == "" {
		return failed
	}
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	answer, err := r.Cluster.GetPod(ctx, r.Namespace, failed.pod.Name, port, path)
	if err == nil && !probe.FromProxy(answer) {
		failed.reason += fmt.Sprintf("; %s answers %s", path, Clean(probe.Describe(answer)))
	}
	return failed
}

// asked is where the readiness probe asks the first container that is not ready;
// path is "" for probes that do not speak plain HTTP.
func asked(pod *corev1.Pod) (port int, path string) {
	for _, status := range pod.Status.ContainerStatuses {
		i := slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == status.Name })
		if status.Ready || i < 0 {
			continue
		}
		c := pod.Spec.Containers[i]
		if c.ReadinessProbe == nil || c.ReadinessProbe.HTTPGet == nil || c.ReadinessProbe.HTTPGet.Scheme == corev1.URISchemeHTTPS {
			return 0, ""
		}
		get := c.ReadinessProbe.HTTPGet
		for _, named := range c.Ports {
			if named.Name == get.Port.StrVal {
				return int(named.ContainerPort), get.Path
			}
		}
		return get.Port.IntValue(), get.Path
	}
	return 0, ""
}

func running(pod *corev1.Pod) bool {
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Running == nil {
			return false
		}
	}
	return len(pod.Status.ContainerStatuses) > 0
}
