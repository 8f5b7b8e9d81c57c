package rollout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

// run is one rollout under way.
type run struct {
	Options
	view    *view
	scaled  map[string]bool   // workloads, as kind/name, an autoscaler owns the replicas of
	earlier map[string]Change // noted by an earlier attempt, by object
	result  *Result
	looks   bool // and changes nothing
	again   bool // at what this process has just asked, pod by pod

	followed map[string]bool // steps that nothing is waited for after

	mu      sync.Mutex                  // of what follows, and of Progress and Journal
	done    []Change                    // what may have been changed, in order
	settled map[string]map[string]int32 // by service, how often containers had ended when it was healthy
}

func (r *run) report(p Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Progress != nil {
		r.Progress(p)
	}
}

// Deploy applies the objects and then updates one service after the other, in
// order. What is already as it should be is not written. The first failure
// stops it and takes back what this run changed; the error is then a *Failure.
// The result is never nil.
func Deploy(ctx context.Context, o Options) (*Result, error) {
	r := newRun(o)
	for i, s := range o.Services {
		r.result.Services = append(r.result.Services, ServiceResult{Name: s.Name, Order: i + 1, Port: s.Port, Image: s.Image})
	}
	defer r.result.Judge()
	if err := o.check(); err != nil {
		return r.result, err
	}
	// The watches outlive a cancelled context: taking back needs them too.
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	differences, err := r.prepare(ctx, watching)
	if err != nil {
		return r.result, err
	}
	soon, stop := r.graceful(ctx, watching)
	defer stop()
	if err := r.forward(ctx, differences); err != nil {
		r.note(err)
		if o.Leave {
			return r.result, begun(err)
		}
		return r.result, begun(errors.Join(err, r.undoAll(soon)))
	}
	return r.result, nil
}

// undoAll is the step that takes back what this run changed.
func (r *run) undoAll(ctx context.Context) error {
	begun := false
	err := r.step(ctx, TakeBack, nil, func() error {
		begun = true
		return r.undo(ctx, ctx, r.done)
	})
	if !begun && len(r.done) > 0 {
		err = errors.Join(err, &LeftError{Changes: len(r.done)})
	}
	return err
}

// graceful is the context to take back in: it outlives a run that is cancelled,
// but may be for a short time only.
func (r *run) graceful(ctx, lasting context.Context) (context.Context, func()) {
	if r.Grace == 0 {
		return lasting, func() {}
	}
	return kube.Outlast(ctx, lasting, r.Grace)
}

func newRun(o Options) *run {
	r := &run{Options: o, earlier: map[string]Change{}, settled: map[string]map[string]int32{}, result: &Result{Services: []ServiceResult{}, Objects: []ObjectResult{}}}
	if r.Deadline == 0 {
		r.Deadline = 3 * time.Minute
	}
	if r.Missing == 0 {
		r.Missing = 30 * time.Second
	}
	for _, c := range o.Earlier {
		r.earlier[kube.ID(c.Object)] = c
	}
	r.done = append(r.done, o.Earlier...)
	return r
}

// prepare fails on whatever can be known before anything is written.
func (r *run) prepare(ctx, watching context.Context) ([]Difference, error) {
	var err error
	if r.scaled, err = autoscaled(ctx, r.Cluster, r.Namespace); err != nil {
		return nil, err
	}
	differences, err := r.preview(ctx)
	if err != nil {
		return nil, err
	}
	kinds := r.kinds(r.Objects)
	for _, d := range differences {
		if d.Retired != nil {
			kinds[d.Retired.GetKind()] = true
		}
	}
	if r.Lookout != nil {
		r.view = r.Lookout.view
		err = r.view.followKinds(watching, r.Cluster, r.Namespace, kinds)
	} else {
		r.view, err = r.follow(watching, kinds)
	}
	if err != nil {
		return nil, err
	}
	if err = r.keepEndpoints(differences); err != nil {
		return nil, err
	}
	if r.Before == nil {
		r.Before, err = r.conditions(ctx, watching, unchanged(differences))
	}
	return differences, err
}

func (r *run) forward(ctx context.Context, differences []Difference) error {
	workloads := map[string]Difference{}
	var others []Difference
	for _, d := range differences {
		if d.Service != "" {
			workloads[d.Service] = d
		} else {
			others = append(others, d)
		}
	}
	if err := r.announce(ctx, others, workloads); err != nil {
		return err
	}
	if err := r.configure(ctx, others); err != nil {
		return err
	}
	for i := 0; i < len(r.Services); {
		until := r.groupEnd(i)
		if err := r.together(ctx, i, until, workloads); err != nil {
			return err
		}
		if err := r.stayed(ctx); err != nil {
			return err
		}
		i = until
	}
	if r.Verify == nil {
		return nil
	}
	if err := r.step(ctx, Verification, nil, func() error { return r.Verify(r.sharing(ctx)) }); err != nil {
		return err
	}
	return r.stayed(ctx)
}

// together releases services from i up to until at the same time. The first that
// fails ends the waiting for the others: all of them go back.
func (r *run) together(ctx context.Context, i, until int, workloads map[string]Difference) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	errs := make([]error, until)
	var work sync.WaitGroup
	for n := i; n < until; n++ {
		work.Go(func() {
			s, start := r.Services[n], time.Now()
			err := r.service(ctx, n, workloads[s.Name])
			r.result.Services[n].Seconds = time.Since(start).Seconds()
			if err == nil || errors.Is(context.Cause(ctx), errOther) && (errors.Is(err, errOther) || errors.Is(err, context.Canceled)) {
				return
			}
			r.report(Progress{Service: s.Name, Phase: Failed, Elapsed: time.Since(start), Detail: r.redact(err.Error())})
			errs[n], r.result.Services[n].Failed = err, true
			stop(errOther)
		})
	}
	work.Wait()
	return errors.Join(errs...)
}

// errOther ends the waiting for a service whose neighbour in a group failed.
var errOther = errors.New("another service of its group failed")

// note keeps the failure in the result, whatever kind it is.
func (r *run) note(err error) {
	if errors.As(err, &r.result.Failure) {
		return
	}
	r.result.Failure = &Failure{Reason: r.redact(err.Error())}
}

// configure applies what is no service's workload, as one step.
func (r *run) configure(ctx context.Context, others []Difference) error {
	changes := r.changes(others)
	act := func() error {
		for _, d := range others {
			if err := r.applyOther(ctx, d); err != nil {
				return err
			}
		}
		return nil
	}
	if len(changes) == 0 {
		return act() // which says that all is unchanged
	}
	return r.step(ctx, Configuration, changes, act)
}

// applyOther applies an object that is not a service's. A workload among them
// has to come up too, and a Job to end: services may need it.
func (r *run) applyOther(ctx context.Context, d Difference) error {
	start, id := time.Now(), kube.ID(d.Object)
	action := "changed"
	switch {
	case !d.Changed:
		action = "unchanged"
	case d.Replaced:
		action = "replaced"
	case d.Before == nil:
		action = "created"
	}
	g := goal{kind: d.Object.GetKind(), name: d.Object.GetName(), start: start, deadline: start.Add(r.Deadline)}
	if d.Before != nil {
		g.exits, g.generation, g.uid = exitsOf(r.view.pods.List()), d.Before.GetGeneration(), d.Before.GetUID()
	}
	if d.Replaced {
		if err := r.clear(ctx, d.Object); err != nil {
			return err
		}
	}
	if d.Changed {
		applied, err := r.write(ctx, d)
		if err != nil {
			return err
		}
		g.generation, g.uid, g.written = applied.GetGeneration(), applied.GetUID(), writtenAt(applied)
	}
	r.result.Objects = append(r.result.Objects, ObjectResult{ID: id, Action: action})
	r.report(Progress{Service: id, Phase: Applying, Detail: action})
	if !runs(d.Object.GetKind()) || d.Object.GetNamespace() != r.Namespace {
		return nil
	}
	if c := r.asBefore(id, d); c != nil {
		r.pass(id, c)
		return nil
	}
	if err := r.converge(ctx, id, g, d.Changed); err != nil {
		return err
	}
	return r.clearOut(ctx, d.Retired)
}

// clear makes room for an object that cannot be changed.
func (r *run) clear(ctx context.Context, obj *kube.Object) error {
	live, err := r.Cluster.Read(ctx, obj)
	if err != nil || live == nil {
		return err
	}
	if mark := kube.Kept(live); mark != "" { // since it was planned
		return &KeptError{Object: kube.ID(live), Mark: mark}
	}
	if err := r.erase(ctx, live, nil); err != nil {
		return err
	}
	return r.view.gone(ctx, obj.GetKind(), obj.GetName())
}

// service rolls one service out: apply, converge, ask its new pods, ask through
// the Service. One that does not change is not written, but has to answer, unless it
// was not healthy before.
func (r *run) service(ctx context.Context, i int, d Difference) error {
	if c := r.asBefore(d.Service, d); c != nil {
		r.pass(d.Service, c)
		out := &r.result.Services[i]
		if out.Healthy = c.Idle; !c.Idle {
			out.Before = c.Reason
		}
		if images := kube.Images(d.Before); out.Image == "" && len(images) > 0 {
			out.Image = images[0]
		}
		return nil
	}
	changes := r.changes([]Difference{d})
	if len(changes) == 0 {
		return r.update(ctx, i, d)
	}
	return r.step(ctx, d.Service, changes, func() error { return r.update(ctx, i, d) })
}

func (r *run) update(ctx context.Context, i int, d Difference) error {
	s, out := r.Services[i], &r.result.Services[i]
	r.report(Progress{Service: s.Name, Phase: Applying})
	if d.Changed {
		if err := r.hook(ctx, s, "before", s.Before); err != nil {
			return err
		}
	}
	g := goal{kind: d.Object.GetKind(), name: s.Name, start: time.Now(), exits: exitsOf(r.view.pods.List())}
	g.deadline = g.start.Add(r.deadline(s))
	applied := d.Before
	if d.Changed {
		var err error
		if applied, err = r.write(ctx, d); err != nil {
			return err
		}
	}
	g.generation, g.uid = applied.GetGeneration(), applied.GetUID()
	if d.Changed {
		g.written = writtenAt(applied)
	}
	out.Changed = d.Before == nil || d.Before.GetGeneration() != applied.GetGeneration()
	if out.Image == "" {
		if images := kube.Images(applied); len(images) > 0 {
			out.Image = images[0]
		}
	}
	v, err := r.settle(ctx, s, g, out.Changed)
	if err != nil {
		return err
	}
	out.Pods, out.Answered = len(v.pods), v.answered.Seconds()
	if err := r.clearOut(ctx, d.Retired); err != nil {
		return err
	}
	if v.wanted == 0 {
		out.Healthy = true
		r.report(Progress{Service: s.Name, Phase: Healthy, Elapsed: time.Since(g.start), Detail: "it asks for no pods"})
		return nil
	}
	if d.Changed {
		r.mu.Lock()
		r.settled[s.Name] = exitsOf(v.pods)
		r.mu.Unlock()
		r.answered(s.Name, v.answered)
		if err := r.hook(ctx, s, "after", s.After); err != nil {
			return err
		}
	}
	out.Healthy = true
	r.report(Progress{Service: s.Name, Phase: Healthy, Ready: v.ready, Wanted: v.wanted, Elapsed: time.Since(g.start), Answered: v.answered})
	return nil
}

// settle waits until a service runs and answers, by its new pods and through its
// Service, and if it changed, until it has stayed so.
func (r *run) settle(ctx context.Context, s Service, g goal, changed bool) (verdict, error) {
	for {
		v, err := r.view.wait(ctx, g, func(v verdict) {
			r.report(Progress{Service: s.Name, Phase: g.phase(Waiting), Ready: v.ready, Wanted: v.wanted, Elapsed: time.Since(g.start), Detail: v.waiting, Why: r.redact(v.why())})
		})
		if err != nil {
			return v, fmt.Errorf("wait for %s: %w", s.Name, err)
		}
		if v.failure != nil {
			return v, r.diagnose(ctx, s.Name, r.answerOf(ctx, s, v.failure))
		}
		if v.wanted == 0 && (g.back || r.looks || !changed || g.kind != daemonSetKind || r.unwell(s.Name) != nil) {
			return v, nil // whoever asks for none gets none: nothing is missing
		}
		if v.wanted == 0 { // no node takes what is released
			return v, r.diagnose(ctx, s.Name, &sign{reason: "its " + g.kind + " asks for no pod, so nothing can answer"})
		}
		r.report(Progress{Service: s.Name, Phase: g.phase(Probing), Ready: v.ready, Wanted: v.wanted, Elapsed: time.Since(g.start)})
		var failed *sign
		v.answered, failed, err = r.probe(ctx, s, g, v.pods)
		switch {
		case errors.Is(err, errMoved):
			continue
		case err != nil:
			return v, fmt.Errorf("probe %s: %w", s.Name, err)
		case failed == nil && changed:
			failed, err = r.lasting(ctx, s, g, v)
		}
		switch {
		case errors.Is(err, errMoved):
			continue
		case err != nil:
			return v, err
		case failed != nil:
			return v, r.diagnose(ctx, s.Name, failed)
		}
		return v, nil
	}
}

// lasting is for services with new pods: they have to stay, and to say nothing critical.
func (r *run) lasting(ctx context.Context, s Service, g goal, v verdict) (*sign, error) {
	counted, failed, err := r.counts(ctx, s, v.pods)
	if failed != nil || err != nil {
		return failed, err
	}
	if failed, err = r.stay(ctx, s, g, v); failed != nil || err != nil {
		return failed, err
	}
	if failed, err = r.readLogs(ctx, v.pods); failed != nil || err != nil {
		return failed, err
	}
	return r.errorsSince(ctx, s, v.pods, counted)
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
