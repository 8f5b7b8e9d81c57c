package rollout

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

// stay watches a service that is healthy for as long as it has to settle. It
// fails on a restart, and returns errMoved when the service is not available
// any more, so that waiting starts again, up to the deadline.
func (r *run) stay(ctx context.Context, s Service, g goal, v verdict) (*sign, error) {
	if r.Settle == 0 {
		return nil, nil
	}
	settled := time.NewTimer(r.Settle)
	defer settled.Stop()
	before := exitsOf(v.pods)
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	for {
		r.report(Progress{Service: s.Name, Phase: Settling, Ready: v.ready, Wanted: v.wanted, Elapsed: time.Since(g.start)})
		changed := r.view.changed.next()
		now := r.view.assess(g)
		switch restarted := restartOf(s, now.pods, before); {
		case now.failure != nil:
			return now.failure, nil
		case restarted != nil:
			return restarted, nil
		case !now.done:
			return nil, errMoved
		}
		select {
		case <-changed:
		case <-beat.C:
		case <-settled.C:
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// stayed fails when a service of this run ended once more after it was healthy,
// while others were released or all was verified.
func (r *run) stayed(ctx context.Context) error {
	for _, s := range r.Services {
		if restarted := restartOf(s, r.view.pods.List(), r.settled[s.Name]); restarted != nil {
			return r.diagnose(ctx, s.Name, restarted)
		}
	}
	for _, obj := range r.Objects { // so are the workloads that are no service's
		id := kube.ID(obj)
		if restarted := restartOf(Service{Name: id}, r.view.pods.List(), r.settled[id]); restarted != nil && obj.GetKind() != jobKind {
			return r.diagnose(ctx, obj.GetName(), restarted)
		}
	}
	return nil
}

// restartOf is the first container that ended since it was healthy, and not
// because its pod leaves. One that stands beside the service's own may end once, as
// any may before it is healthy: whether it is missed shows in the pod's readiness.
func restartOf(s Service, pods []*corev1.Pod, before map[string]int32) *sign {
	for _, pod := range pods {
		if leaving(pod) {
			continue
		}
		// Among the init containers are those that stay beside the others (sidecars).
		for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			known, ok := before[exitKey(pod, c.Name)]
			times := exits(c) - known
			switch own := s.owns(pod, c.Name); {
			case !ok || times == 0 || times == 1 && !own:
			case own:
				return &sign{reason: "container " + c.Name + " ended after it was healthy", pod: pod, container: c.Name, exitCode: exitCode(c)}
			default:
				return &sign{reason: fmt.Sprintf("container %s ended %d times after it was healthy", c.Name, times), pod: pod, container: c.Name, exitCode: exitCode(c)}
			}
		}
	}
	return nil
}

// owns reports whether a container is the service's own and not one beside it: it
// runs the service's image, has its port or its name. Where nothing tells, all
// that are no init containers are.
func (s Service) owns(pod *corev1.Pod, container string) bool {
	tells := []func(corev1.Container) bool{
		func(c corev1.Container) bool { return s.Image != "" && c.Image == s.Image },
		func(c corev1.Container) bool {
			return s.Port != 0 && slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return int(p.ContainerPort) == s.Port })
		},
		func(c corev1.Container) bool { return c.Name == s.Name },
		func(corev1.Container) bool { return true },
	}
	for _, is := range tells {
		if slices.ContainsFunc(pod.Spec.Containers, is) {
			return slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == container && is(c) })
		}
	}
	return false
}

// readLogs fails on critical lines of the new pods.
func (r *run) readLogs(ctx context.Context, pods []*corev1.Pod) (*sign, error) {
	if r.Critical == nil {
		return nil, nil
	}
	for _, pod := range pods {
		var names []string
		for _, c := range pod.Spec.Containers {
			names = append(names, c.Name)
		}
		sort.Strings(names)
		for _, name := range names {
			first, n, err := CriticalLines(ctx, r.Cluster, pod, kube.LogOptions{Container: name, Since: r.Since}, r.Critical)
			if n == 0 && err != nil && !r.stays(pod) {
				break // scaled down or drained meanwhile, and its log went with it
			}
			if n == 0 && err != nil {
				return nil, err
			}
			if n > 0 {
				return &sign{reason: critical(name, r.redact(first), n), pod: pod, container: name}, nil
			}
		}
	}
	return nil, nil
}

// stays reports whether a pod is there and not on its way out.
func (r *run) stays(pod *corev1.Pod) bool {
	now := r.view.pods.Get(pod.Name)
	return now != nil && now.UID == pod.UID && !leaving(now)
}

// CriticalLines reads the log of a container, all of it, and returns the first
// critical line and how many there are. A last line counts only when it is complete.
func CriticalLines(ctx context.Context, c *kube.Cluster, pod *corev1.Pod, o kube.LogOptions, is func(line string) bool) (first string, n int, err error) {
	err = c.EachLine(ctx, pod.Namespace, pod.Name, o, func(line []byte, whole bool) {
		text := string(line)
		if !whole || !is(text) {
			return
		}
		if n++; n == 1 {
			first = text
		}
	})
	return first, n, err
}

// critical is the reason for critical lines. The first was redacted before it is cut.
func critical(container, line string, n int) string {
	line = Clean(line)
	if runes := []rune(line); len(runes) > 200 {
		line = string(runes[:200]) + "…"
	}
	if n == 1 {
		return "container " + container + " logs a critical line: " + line
	}
	return fmt.Sprintf("container %s logs %d critical lines, the first: %s", container, n, strings.TrimSpace(line))
}
