package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/probe"
)

// Lookout sees a namespace from before a release's first write on.
type Lookout struct {
	// Before are the services that were not healthy then; empty, and not nil, for none.
	Before []ledger.Condition
	view   *view
}

// Look begins to watch the namespace of a rollout until watching ends, and says
// which of its services, and of those beside it, are not healthy now.
func Look(ctx, watching context.Context, o Options) (*Lookout, error) {
	r := newRun(o)
	var err error
	if r.view, err = r.follow(watching, r.kinds(r.Objects)); err != nil {
		return nil, err
	}
	asApplied, err := r.asApplied(ctx)
	if err != nil {
		return nil, err
	}
	before, err := r.conditions(ctx, watching, asApplied)
	return &Lookout{Before: before, view: r.view}, err
}

// asApplied tells services that this rollout will surely not change: only they are
// asked for their health before it, since the others show it after their change.
func (r *run) asApplied(ctx context.Context) (func(service string) bool, error) {
	var workloads []*kube.Object
	for _, obj := range r.Objects {
		if r.serviceOf(obj) != "" {
			workloads = append(workloads, obj)
		}
	}
	same, changes, now := map[string]bool{}, map[string]bool{}, newLive(ctx, r.Cluster, workloads)
	for _, obj := range workloads {
		live, err := now.read(ctx, obj)
		if err != nil {
			return nil, err
		}
		changes[obj.GetName()] = true
		same[obj.GetName()] = kube.Applied(obj, live) || kube.Applied(withoutReplicas(obj, live), live)
	}
	return func(service string) bool { return same[service] || !changes[service] }, nil
}

// unchanged tells services apart once it is known what a rollout changes.
func unchanged(differences []Difference) func(service string) bool {
	return func(service string) bool {
		return !slices.ContainsFunc(differences, func(d Difference) bool { return d.Service == service && d.Changed })
	}
}

// conditions are the services and other workloads that are not healthy now. The
// services of stays are asked for their health as well.
func (r *run) conditions(ctx, watching context.Context, stays func(service string) bool) ([]ledger.Condition, error) {
	services := slices.Clone(r.Services)
	for _, s := range r.Neighbours {
		if !slices.ContainsFunc(services, func(other Service) bool { return other.Name == s.Name }) {
			services = append(services, s)
		}
	}
	if err := r.followNeighbours(watching, services); err != nil {
		return nil, err
	}
	found := make([]*ledger.Condition, len(services))
	inParallel(services, func(i int, s Service) {
		found[i] = r.condition(ctx, s, stays(s.Name))
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	out := []ledger.Condition{}
	for _, c := range found {
		if c != nil {
			out = append(out, *c)
		}
	}
	return append(out, r.othersConditions()...), nil
}

// followNeighbours watches the rarer kinds too where a service may be of one.
func (r *run) followNeighbours(watching context.Context, services []Service) error {
	for _, s := range services {
		if w, _ := r.view.service(s.Name); w != nil || r.manifestOf(s.Name) != nil {
			continue
		}
		err := r.view.followKinds(watching, r.Cluster, r.Namespace, map[string]bool{statefulSetKind: true, daemonSetKind: true})
		if kube.Refused(err) {
			return nil // then they are none of this account's business
		}
		return err
	}
	return nil
}

// condition is nil for a service that is healthy, or not there.
func (r *run) condition(ctx context.Context, s Service, ask bool) *ledger.Condition {
	w, kind := r.view.service(s.Name)
	if w == nil {
		return nil
	}
	v := r.view.assess(goal{kind: kind, name: s.Name, generation: w.GetGeneration(), exits: exitsOf(r.view.pods.List())})
	if c := conditionOf(s.Name, v, time.Now()); c != nil || !ask || s.Port == 0 || s.Health == "" {
		return r.clean(c)
	}
	if why := r.unanswered(ctx, s, v.pods); why != "" {
		return r.clean(&ledger.Condition{Name: s.Name, Reason: why})
	}
	return nil
}

func (r *run) clean(c *ledger.Condition) *ledger.Condition {
	if c != nil {
		c.Reason = r.redact(Clean(c.Reason))
	}
	return c
}

// conditionOf is what a workload's state says, without asking its pods.
func conditionOf(name string, v verdict, now time.Time) *ledger.Condition {
	c := &ledger.Condition{Name: name}
	switch {
	case v.failure != nil:
		c.Reason = v.failure.reason
	case v.wanted == 0:
		c.Reason, c.Idle = "it asks for no pods", true
	case !v.done:
		c.Reason = v.waiting
		for _, pod := range v.pods {
			if why := unready(pod); !ready(pod) && why != "" {
				c.Reason += ": " + why
				break
			}
		}
	default:
		if c.Reason = loops(v.pods, now); c.Reason == "" {
			return nil
		}
	}
	return c
}

// recovers is how long a container has to run until the kubelet itself begins
// anew to count how often it ended.
const recovers = 10 * time.Minute

// loops finds a container that only runs until it ends again: in a crash loop it is
// ready for a moment each time.
func loops(pods []*corev1.Pod, now time.Time) string {
	for _, pod := range pods {
		for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			end := c.LastTerminationState.Terminated
			if c.RestartCount >= 2 && end != nil && now.Sub(end.FinishedAt.Time) < recovers && !outlived(c, now) && !finishes(pod, c.Name) {
				return fmt.Sprintf("container %s ended %d times, %s ago the last time%s", c.Name, c.RestartCount, now.Sub(end.FinishedAt.Time).Round(time.Second), because(c))
			}
		}
	}
	return ""
}

// outlived reports whether a container runs for twice as long as it did the last time,
// and a little more: whatever ended it then does not any more.
func outlived(c corev1.ContainerStatus, now time.Time) bool {
	last, runs := c.LastTerminationState.Terminated, c.State.Running
	if last.StartedAt.IsZero() || runs == nil || runs.StartedAt.IsZero() {
		return false
	}
	return now.Sub(runs.StartedAt.Time) > 2*last.FinishedAt.Sub(last.StartedAt.Time)+30*time.Second
}

// longestAsk is how long a service may take to answer before a release begins.
const longestAsk = 1500 * time.Millisecond

// unanswered says what pods and Service answer to the health path, "" if it is
// good, or if nobody may ask.
func (r *run) unanswered(ctx context.Context, s Service, pods []*corev1.Pod) string {
	g := goal{kind: deploymentKind, name: s.Name, deadline: time.Now().Add(longestAsk)}
	for _, pod := range pods[:min(len(pods), 3)] {
		_, err := probe.Health(ctx, probe.HealthOptions{Deadline: g.deadline, Ask: func(ctx context.Context) (*kube.Answer, error) {
			return r.Cluster.GetPod(ctx, r.Namespace, pod.Name, s.Port, s.Health)
		}})
		if why := healthReason(err, fmt.Sprintf("pod %s does not answer %s", pod.Name, s.Health)); why != "" {
			return why
		}
	}
	service, err := r.endpoint(ctx, s.Name)
	if err != nil || service == nil {
		return ""
	}
	port, ok := servicePort(service, s.Port, pods)
	if !ok {
		return fmt.Sprintf("none of the ports of Service %s leads to port %d", s.Name, s.Port)
	}
	_, err = probe.Health(ctx, probe.HealthOptions{Deadline: g.deadline, Ask: func(ctx context.Context) (*kube.Answer, error) {
		return r.Cluster.GetService(ctx, r.Namespace, s.Name, port, s.Health)
	}})
	return healthReason(err, fmt.Sprintf("Service %s does not answer %s", s.Name, s.Health))
}

func healthReason(err error, what string) string {
	if err == nil || strings.Contains(err.Error(), "forbidden") {
		return ""
	}
	return what + ": " + err.Error()
}

// othersConditions are those of workloads that are no service's. A Job that still
// runs is waited for; one that failed is what it was.
func (r *run) othersConditions() (out []ledger.Condition) {
	for _, obj := range r.Objects {
		kind := obj.GetKind()
		if !runs(kind) || obj.GetNamespace() != r.Namespace || r.serviceOf(obj) != "" {
			continue
		}
		w := r.view.workload(kind, obj.GetName())
		if w == nil {
			continue
		}
		v := r.view.assess(goal{kind: kind, name: obj.GetName(), generation: w.GetGeneration(), exits: exitsOf(r.view.pods.List())})
		if kind == jobKind && v.failure == nil {
			continue
		}
		if c := conditionOf(kube.ID(obj), v, time.Now()); c != nil {
			out = append(out, *r.clean(c))
		}
	}
	return out
}

// asBefore is how a service or another workload was before the first write, if it
// was not healthy and this release does not change it; nil otherwise.
func (r *run) asBefore(name string, d Difference) *ledger.Condition {
	if _, wrote := r.earlier[kube.ID(d.Object)]; wrote || d.Changed || d.Retired != nil {
		return nil
	}
	return r.unwell(name)
}

// unwell is how a service or workload was before the first write, nil if it was healthy.
func (r *run) unwell(name string) *ledger.Condition {
	for i, c := range r.Before {
		if c.Name == name {
			return &r.Before[i]
		}
	}
	return nil
}

// pass goes past a service that was not healthy before and does not change: to wait
// for it would let it decide about the others.
func (r *run) pass(name string, c *ledger.Condition) {
	detail := "it was unhealthy before, does not change, and is not waited for: " + c.Reason
	if c.Idle {
		detail = "it asks for no pods, as before, so nothing is asked of it"
	}
	r.report(Progress{Service: name, Phase: Passed, Detail: detail})
}
