package rollout

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

// maxEvents is how many of a pod's events are kept; a crash loop repeats them.
const maxEvents = 10

// diagnose turns a sign into a failure with what a person would look up next.
// It has little time: services wait to be taken back, and with them goes the pod.
func (r *run) diagnose(ctx context.Context, service string, s *sign) *Failure {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer stop()
	f := &Failure{Service: service, Reason: r.redact(s.reason), Container: s.container, ExitCode: s.exitCode, looked: r.looks}
	if s.gone {
		f.Command = fmt.Sprintf("kubectl -n %s events --for %s/%s", r.Namespace, strings.ToLower(r.kindOf(service)), service)
		return f
	}
	if s.pod == nil {
		f.Command = fmt.Sprintf("kubectl -n %s describe %s %s", r.Namespace, strings.ToLower(r.kindOf(service)), service)
		return f
	}
	f.Pod = s.pod.Name
	if f.Container == "" {
		f.Container = worst(s.pod)
	}
	// After the undo the pod is gone; its events outlive it by an hour.
	f.Command = fmt.Sprintf("kubectl -n %s events --for pod/%s", r.Namespace, f.Pod)
	var work sync.WaitGroup
	var present, previous []string
	work.Go(func() { present = r.log(ctx, f, false) })
	work.Go(func() { previous = r.log(ctx, f, true) })
	work.Go(func() { f.Events = r.events(ctx, s.pod) })
	work.Wait()
	f.Logs = previous
	// A container that was just started again has not said yet what is wrong.
	if len(present) >= len(previous) || s.exitCode == nil {
		f.Logs = present
	}
	return f
}

// worst is the container that is not ready.
func worst(pod *corev1.Pod) string {
	for _, c := range pod.Status.ContainerStatuses {
		if !c.Ready {
			return c.Name
		}
	}
	if len(pod.Spec.Containers) > 0 {
		return pod.Spec.Containers[0].Name
	}
	return ""
}

func (r *run) log(ctx context.Context, f *Failure, previous bool) []string {
	raw, err := r.Cluster.Logs(ctx, r.Namespace, f.Pod, kube.LogOptions{Container: f.Container, Previous: previous, Lines: maxLines})
	if err != nil {
		return nil // a container that never ran has no log; the reason says why
	}
	// Redact before cleaning: a control character in the middle must not hide a secret, so after it too.
	lines := CleanLines([]byte(r.redact(string(raw))))
	for i := range lines {
		lines[i] = r.redact(lines[i])
	}
	return lines
}

func (r *run) events(ctx context.Context, pod *corev1.Pod) []kube.Event {
	events, err := r.Cluster.EventsOf(ctx, r.Namespace, string(pod.UID))
	if err != nil {
		return nil
	}
	for i := range events {
		events[i].Message = r.redact(Clean(events[i].Message))
		events[i].Reason = Clean(events[i].Reason)
	}
	return events[max(0, len(events)-maxEvents):]
}

// String is the failure with all that was found, for people. Lines of logs
// begin with a bar, so that none of them can be taken for a workflow command.
func (f *Failure) String() string {
	var out strings.Builder
	out.WriteString(f.Error() + "\n")
	if f.ExitCode != nil && f.Pod != "" {
		fmt.Fprintf(&out, "  container %s of pod %s ended with exit code %d\n", f.Container, f.Pod, *f.ExitCode)
	}
	for _, line := range f.Logs {
		out.WriteString("  | " + line + "\n")
	}
	for _, e := range f.Events {
		fmt.Fprintf(&out, "  %s %s (%d×)\n", e.Reason, e.Message, e.Count)
	}
	if f.Command != "" {
		out.WriteString("  look further with: " + f.Command + "\n")
	}
	return out.String()
}
