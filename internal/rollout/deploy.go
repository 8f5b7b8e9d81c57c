package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

// run is one rollout under way.
type run struct {
	Options
	view   *view
	scaled map[string]bool // Deployments an autoscaler owns the replicas of
	done   []change        // what may have been changed, in order
	result *Result
}

// change is one object that this run set out to write. It is noted before the
// write, so that a write of which nobody knows the outcome is undone as well.
type change struct {
	obj     *kube.Object
	before  *kube.Object // nil: it did not exist
	service string
	healthy bool // it ran before, so it must run again
}

// Deploy applies the objects and then updates one service after the other, in
// order. The first failure stops it and takes back what this run changed; the
// error is then a *Failure. The result is never nil.
func Deploy(ctx context.Context, o Options) (*Result, error) {
	r := &run{Options: o, result: &Result{Services: []ServiceResult{}, Objects: []ObjectResult{}}}
	if r.Deadline == 0 {
		r.Deadline = 3 * time.Minute
	}
	others, workloads, err := o.split()
	if err != nil {
		return r.result, err
	}
	for i, s := range o.Services {
		r.result.Services = append(r.result.Services, ServiceResult{Name: s.Name, Order: i + 1, Port: s.Port, Image: s.Image})
	}
	// The watches outlive a cancelled context: taking back needs them too.
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	if err := r.prepare(ctx, watching); err != nil {
		return r.result, err
	}
	if err := r.forward(ctx, others, workloads); err != nil {
		r.note(err)
		if o.Keep {
			return r.result, err
		}
		return r.result, errors.Join(err, r.undo(watching))
	}
	return r.result, nil
}

// prepare fails on whatever can be known before anything is written.
func (r *run) prepare(ctx, watching context.Context) error {
	var err error
	if r.scaled, err = autoscaled(ctx, r.Cluster, r.Namespace); err != nil {
		return err
	}
	if err := r.rehearse(ctx); err != nil {
		return err
	}
	r.view, err = follow(watching, r.Cluster, r.Namespace)
	return err
}

func (r *run) forward(ctx context.Context, others []*kube.Object, workloads map[string]*kube.Object) error {
	for _, obj := range others {
		if err := r.applyOther(ctx, obj); err != nil {
			return err
		}
	}
	for i, s := range r.Services {
		start := time.Now()
		err := r.service(ctx, i, workloads[s.Name])
		r.result.Services[i].Seconds = time.Since(start).Seconds()
		if err != nil {
			r.report(Progress{Service: s.Name, Phase: Failed, Elapsed: time.Since(start), Detail: err.Error()})
			return err
		}
	}
	if r.Verify != nil {
		return r.Verify(ctx)
	}
	return nil
}

// note keeps the failure in the result, whatever kind it is.
func (r *run) note(err error) {
	if errors.As(err, &r.result.Failure) {
		return
	}
	r.result.Failure = &Failure{Reason: r.redact(err.Error())}
}

// applyOther applies an object that is not a service's. A Deployment among
// them has to come up too: services may need it.
func (r *run) applyOther(ctx context.Context, obj *kube.Object) error {
	start := time.Now()
	before, applied, err := r.write(ctx, obj, "")
	if err != nil {
		return err
	}
	action := "changed"
	switch {
	case before == nil:
		action = "created"
	case before.GetResourceVersion() == applied.GetResourceVersion():
		action = "unchanged"
	}
	r.result.Objects = append(r.result.Objects, ObjectResult{ID: kube.ID(obj), Action: action})
	r.report(Progress{Service: kube.ID(obj), Phase: Applying, Detail: action})
	if obj.GetKind() != "Deployment" || obj.GetNamespace() != r.Namespace {
		return nil
	}
	g := goal{name: obj.GetName(), generation: applied.GetGeneration(), start: start, deadline: start.Add(r.Deadline)}
	if before != nil {
		g.exits = exitsOf(r.view.pods.List())
	}
	v, err := r.view.wait(ctx, g, func(verdict) {})
	if err != nil {
		return fmt.Errorf("wait for %s: %w", kube.ID(obj), err)
	}
	if v.failure != nil {
		return r.diagnose(ctx, obj.GetName(), v.failure)
	}
	return nil
}

// write applies one object and notes how it was before.
func (r *run) write(ctx context.Context, obj *kube.Object, service string) (before, applied *kube.Object, err error) {
	if before, err = r.Cluster.Read(ctx, obj); err != nil {
		return nil, nil, err
	}
	send := obj
	if r.scaled[obj.GetName()] && obj.GetKind() == "Deployment" {
		send = withoutReplicas(obj, before)
	}
	r.done = append(r.done, change{obj: obj, before: before, service: service, healthy: ranBefore(before)})
	applied, err = r.Cluster.Apply(ctx, send, kube.ApplyOptions{})
	return before, applied, err
}

// service rolls one service out: apply, converge, ask its new pods, ask through the Service.
func (r *run) service(ctx context.Context, i int, obj *kube.Object) error {
	s, out := r.Services[i], &r.result.Services[i]
	r.report(Progress{Service: s.Name, Phase: Applying})
	g := goal{name: s.Name, start: time.Now(), exits: exitsOf(r.view.pods.List())}
	g.deadline = g.start.Add(r.Deadline)
	before, applied, err := r.write(ctx, obj, s.Name)
	if err != nil {
		return err
	}
	g.generation = applied.GetGeneration()
	out.Changed = before == nil || before.GetGeneration() != applied.GetGeneration()
	if out.Image == "" {
		if images := kube.Images(applied); len(images) > 0 {
			out.Image = images[0]
		}
	}
	v, err := r.settle(ctx, s, g)
	if err != nil {
		return err
	}
	out.Pods = len(v.pods)
	out.Healthy = true
	r.report(Progress{Service: s.Name, Phase: Healthy, Ready: v.ready, Wanted: v.wanted, Elapsed: time.Since(g.start)})
	return nil
}

// settle waits until a service runs and answers.
func (r *run) settle(ctx context.Context, s Service, g goal) (verdict, error) {
	for {
		v, err := r.view.wait(ctx, g, func(v verdict) {
			r.report(Progress{Service: s.Name, Phase: Waiting, Ready: v.ready, Wanted: v.wanted, Elapsed: time.Since(g.start), Detail: v.waiting})
		})
		if err != nil {
			return v, fmt.Errorf("wait for %s: %w", s.Name, err)
		}
		if v.failure != nil {
			return v, r.diagnose(ctx, s.Name, r.answerOf(ctx, s, v.failure))
		}
		if v.wanted == 0 {
			return v, r.diagnose(ctx, s.Name, &sign{reason: "its Deployment asks for 0 replicas, so nothing can answer"})
		}
		r.report(Progress{Service: s.Name, Phase: Probing, Ready: v.ready, Wanted: v.wanted, Elapsed: time.Since(g.start)})
		failed, err := r.probe(ctx, s, g, v.pods)
		switch {
		case errors.Is(err, errMoved):
			continue
		case err != nil:
			return v, fmt.Errorf("probe %s: %w", s.Name, err)
		case failed != nil:
			return v, r.diagnose(ctx, s.Name, failed)
		}
		return v, nil
	}
}

// present reports whether the pod is still one of those that count.
func present(pod *corev1.Pod, pods []*corev1.Pod) bool {
	for _, p := range pods {
		if p.UID == pod.UID {
			return true
		}
	}
	return false
}
