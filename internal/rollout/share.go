package rollout

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

// shared is what a run sees, for looks from within it.
type shared struct {
	view      *view
	server    string
	namespace string
}

type sharedKey struct{}

// sharing is a context in which Inspect sees what this run sees, instead of
// watching and listing all of it once more.
func (r *run) sharing(ctx context.Context) context.Context {
	return context.WithValue(ctx, sharedKey{}, shared{r.view, r.Cluster.Server, r.Namespace})
}

// sharedView is the view of the run that the context is of, if all that is to be
// looked at is in it.
func (r *run) sharedView(ctx context.Context) *view {
	s, ok := ctx.Value(sharedKey{}).(shared)
	if !ok || s.server != r.Cluster.Server || s.namespace != r.Namespace {
		return nil
	}
	for _, service := range r.Services {
		if w, _ := s.view.service(service.Name); w == nil {
			return nil // of a kind that is not watched, or absent
		}
	}
	return s.view
}

// endpoint is the Service of that name, nil if there is none. One that this run
// does not change is not read once more.
func (r *run) endpoint(ctx context.Context, name string) (*corev1.Service, error) {
	if known, ok := r.view.endpoints[name]; ok {
		return known, nil
	}
	return kube.GetOne[corev1.Service](ctx, r.Cluster, kube.Services, r.Namespace, name)
}

// keepEndpoints keeps the Services that a rollout does not change: they have just been read.
func (r *run) keepEndpoints(differences []Difference) error {
	r.view.endpoints = map[string]*corev1.Service{}
	for _, d := range differences {
		// One that an earlier attempt changed may go back yet.
		if _, changed := r.earlier[kube.ID(d.Object)]; changed || d.Changed || d.Before == nil || d.Object.GetKind() != "Service" || d.Object.GetNamespace() != r.Namespace {
			continue
		}
		service, err := kube.Typed[corev1.Service](d.Before)
		if err != nil {
			return err
		}
		r.view.endpoints[service.Name] = service
	}
	return nil
}
