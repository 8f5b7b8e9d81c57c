package rollout

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/teei/slipway/internal/kube"
)

// How long a rollout waits before it looks further than at what it watches, and
// between two such looks: most services are healthy before, and cost no request.
const lookEvery = 5 * time.Second

// looker looks further for what holds a workload up that is waited for.
type looker struct {
	view *view
	goal goal
	next time.Time // when to read events again
	clue *hold     // what they said

	refused time.Time // when a quota refused first since no pod is on its way out
}

func (v *view) looker(g goal) *looker {
	return &looker{view: v, goal: g, next: g.start.Add(lookEvery)}
}

// add puts what events say where the watches say nothing.
func (l *looker) add(now *verdict) {
	if now.hold == nil && !now.done {
		now.hold = l.clue
	}
}

// look returns why waiting on is useless, nil if it may help.
func (l *looker) look(ctx context.Context, now *verdict) *sign {
	if now.absent && l.goal.uid != "" {
		return l.view.lost(ctx, l.goal)
	}
	ctx, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	// Nothing ends a release for what was said a while ago and may be over.
	due := !time.Now().Before(l.next) || now.hold != nil && now.hold.lacks != nil && time.Since(l.goal.start) >= l.view.missing
	if (now.hold == nil || now.hold == l.clue) && due {
		l.next = time.Now().Add(lookEvery)
		final := l.events(ctx, now)
		if now.hold = l.clue; final {
			return &sign{reason: l.clue.text, pod: l.clue.pod}
		}
	}
	h := now.hold
	if h == nil || h.lacks == nil || time.Since(l.goal.start) < l.view.missing || l.view.there(ctx, h.lacks) {
		return nil
	}
	return &sign{reason: h.text + ", " + l.view.missing.String() + " after the change", pod: h.pod, container: h.container}
}

// events reads what is said about the pod that does not start, or about the
// workload whose pods are not there, and reports whether it is final. Deployments
// say the same in the status of their ReplicaSet, and sooner.
func (l *looker) events(ctx context.Context, now *verdict) (final bool) {
	w := l.view.workload(l.goal.kind, l.goal.name)
	if w == nil {
		return false
	}
	uid, prefix := w.GetUID(), "its pods cannot be created: "
	var pod *corev1.Pod
	if i := slices.IndexFunc(now.pods, func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodPending }); i >= 0 {
		pod = now.pods[i]
		uid, prefix = pod.UID, "pod "+pod.Name+" does not start: "
	} else if len(now.pods) >= now.wanted || l.goal.kind == deploymentKind {
		l.clue = nil // what was said of a pod that has started since is over
		return false
	}
	said := l.last(ctx, uid, pod == nil)
	if said == nil {
		l.clue = nil
		return false
	}
	l.clue = &hold{text: prefix + Clean(said.Message), lacks: lackOf(said.Message, pod), pod: pod}
	ours := !l.goal.written.IsZero() && !said.Time.Before(l.goal.written)
	return pod == nil && ours && finalRefusal(said.Message) && l.stays(said, l.view.pods.List())
}

// stays reports whether a refusal would be repeated. One by a quota may be older than
// the room that a pod left as it went: it has to be said once more since.
func (l *looker) stays(said *kube.Event, all []*corev1.Pod) bool {
	switch {
	case !strings.Contains(said.Message, "exceeded quota"):
		return true
	case overQuota(said.Message, all):
		l.refused = time.Time{}
		return false
	case l.refused.IsZero():
		l.refused = said.Time
	}
	return said.Time.After(l.refused)
}

// last is the last warning about an object; of a workload, that its pods or their
// claims cannot be created.
func (l *looker) last(ctx context.Context, uid types.UID, workload bool) *kube.Event {
	events, err := l.view.cluster.EventsOf(ctx, l.view.namespace, string(uid))
	if err != nil {
		return nil // it is looked at again
	}
	return lastWarning(events, workload)
}

// lastWarning is the last one of events, oldest first, that nothing has come of since:
// a pod whose images are pulled has all that it refers to.
func lastWarning(events []kube.Event, workload bool) *kube.Event {
	var passed time.Time
	for _, e := range slices.Backward(events) {
		switch {
		case !e.Warning && !workload && slices.Contains([]string{"Pulling", "Pulled", "Created", "Started"}, e.Reason):
			if e.Time.After(passed) {
				passed = e.Time
			}
		case e.Warning && (!workload || e.Reason == "FailedCreate") && e.Reason != "Unhealthy" && e.Reason != "BackOff" && !e.Time.Before(passed):
			return &e
		}
	}
	return nil
}
