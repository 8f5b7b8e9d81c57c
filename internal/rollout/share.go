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

// endpoint is the Service of that name, nil if there is none. It is read once a
// run: a look from within the run asks through the same one.
func (r *run) endpoint(ctx context.Context, name string) (*corev1.Service, error) {
	if known, ok := r.view.endpoints.Load(name); ok {
		return known.(*corev1.Service), nil
	}
	service, err := kube.GetOne[corev1.Service](ctx, r.Cluster, kube.Services, r.Namespace, name)
	if err == nil && service != nil {
		r.view.endpoints.Store(name, service)
	}
	return service, err
}

// keepEndpoints keeps the Services that a rollout does not change: they have just been read.
func (r *run) keepEndpoints(differences []Difference) error {
	for _, d := range differences {
		if d.Changed || d.Before == nil || d.Object.GetKind() != "Service" || d.Object.GetNamespace() != r.Namespace {
			continue
		}
		service, err := kube.Typed[corev1.Service](d.Before)
		if err != nil {
			return err
		}
		r.view.endpoints.Store(service.Name, service)
	}
	return nil
}
