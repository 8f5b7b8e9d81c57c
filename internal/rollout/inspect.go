package rollout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/teei/slipway/internal/kube"
)

// Inspect looks at services as they are and changes nothing: each must run what
// its workload says, and what is wanted, and answer by itself and through its
// Service until the deadline; with Settle it must also stay so, and say nothing
// critical. All are looked at, beside each other. The error joins a *Failure for
// each that is not as it should be. The result is never nil.
func Inspect(ctx context.Context, o Options) (*Result, error) {
	r := newRun(o)
	r.looks = true
	for i, s := range o.Services {
		r.result.Services = append(r.result.Services, ServiceResult{Name: s.Name, Order: i + 1, Port: s.Port, Image: s.Image})
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var err error
	r.view = r.sharedView(ctx)
	if r.again = r.view != nil; !r.again {
		r.view, err = r.follow(watching, map[string]bool{statefulSetKind: true, daemonSetKind: true})
	}
	if err != nil {
		return r.result, err
	}
	errs := make([]error, len(o.Services))
	inParallel(o.Services, func(i int, s Service) {
		start := time.Now()
		errs[i] = r.inspect(ctx, s, &r.result.Services[i])
		r.result.Services[i].Seconds = time.Since(start).Seconds()
		if errs[i] != nil {
			r.report(Progress{Service: s.Name, Phase: Failed, Elapsed: time.Since(start), Detail: r.redact(errs[i].Error())})
		}
	})
	if ctx.Err() != nil {
		return r.result, context.Cause(ctx)
	}
	err = errors.Join(errs...)
	if err != nil {
		r.note(err)
	}
	return r.result, err
}

func (r *run) inspect(ctx context.Context, s Service, out *ServiceResult) error {
	w, kind := r.view.service(s.Name)
	if w == nil {
		return r.diagnose(ctx, s.Name, &sign{reason: "it has no Deployment, StatefulSet or DaemonSet"})
	}
	images := imagesOf(w)
	if s.Image != "" && !contains(images, s.Image) {
		return r.diagnose(ctx, s.Name, &sign{reason: fmt.Sprintf("it runs %s, not %s", strings.Join(images, ", "), s.Image)})
	}
	if out.Image == "" && len(images) > 0 {
		out.Image = images[0]
	}
	g := goal{kind: kind, name: s.Name, generation: w.GetGeneration(), uid: w.GetUID(), exits: exitsOf(r.view.pods.List()), start: time.Now()}
	g.deadline = g.start.Add(r.Deadline)
	v, err := r.settle(ctx, s, g, r.Settle > 0)
	if err != nil {
		return err
	}
	if r.Settle == 0 {
		failed, err := r.readLogs(ctx, v.pods)
		if err != nil {
			return err
		}
		if failed != nil {
			return r.diagnose(ctx, s.Name, failed)
		}
	}
	out.Pods, out.Running, out.Healthy, out.Answered = len(v.pods), v.pods, true, v.answered.Seconds()
	r.report(Progress{Service: s.Name, Phase: Healthy, Ready: v.ready, Wanted: v.wanted, Elapsed: time.Since(g.start), Answered: v.answered})
	return nil
}

// service is the workload that a service has, of whatever kind.
func (v *view) service(name string) (workload, string) {
	for _, kind := range []string{deploymentKind, statefulSetKind, daemonSetKind} {
		if w := v.workload(kind, name); w != nil {
			return w, kind
		}
	}
	return nil, ""
}

func imagesOf(w workload) (images []string) {
	for _, c := range w.template().Containers {
		images = append(images, c.Image)
	}
	return images
}

// Live is the workload that a service has in the cluster, nil if it has none.
func Live(ctx context.Context, c *kube.Cluster, namespace, service string) (*kube.Object, error) {
	for _, kind := range []string{deploymentKind, statefulSetKind, daemonSetKind} {
		obj := &kube.Object{}
		obj.SetAPIVersion("apps/v1")
		obj.SetKind(kind)
		obj.SetNamespace(namespace)
		obj.SetName(service)
		if live, err := c.Read(ctx, obj); err != nil || live != nil {
			return live, err
		}
	}
	return nil, nil
}

// Present are the names of all workloads in a namespace that can be a service.
func Present(ctx context.Context, c *kube.Cluster, namespace string) (map[string]bool, error) {
	images, err := Images(ctx, c, namespace)
	names := map[string]bool{}
	for name := range images {
		names[name] = true
	}
	return names, err
}

// Images are what the containers of all workloads run that can be a service, by its name.
func Images(ctx context.Context, c *kube.Cluster, namespace string) (map[string][]string, error) {
	type templated struct {
		metav1.ObjectMeta `json:"metadata"`
		Spec              struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	images := map[string][]string{}
	for _, resource := range []schema.GroupVersionResource{kube.Deployments, kube.StatefulSets, kube.DaemonSets} {
		list, err := kube.List[templated](ctx, c, resource, namespace, "", "")
		if err != nil {
			return nil, err
		}
		for _, workload := range list {
			images[workload.Name] = []string{}
			for _, container := range workload.Spec.Template.Spec.Containers {
				images[workload.Name] = append(images[workload.Name], container.Image)
			}
		}
	}
	return images, nil
}
