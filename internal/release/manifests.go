package release

import (
	"context"
	"path"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
)

// Manifests say which objects a release consists of.
type Manifests struct {
	// Overlay is the Kustomize folder, relative to the platform's root; "" where
	// there is none.
	Overlay string
	// Printed is what the platform's command printed, where it has one.
	Printed []byte
	// Namespace all objects are put into.
	Namespace string
	// Images by service, by digest.
	Images map[string]string
	// Excluded is told of each object that is left out, because it is a hook of
	// another tool and the platform file says to. Default: nobody is told.
	Excluded func(kube.Hook)
}

// Objects reads the manifests of a platform. A container runs a service's image
// if its own has the service's name as the last part, or is the existing image
// that the platform file names for the service.
func Objects(ctx context.Context, p *platform.Platform, m Manifests) ([]*kube.Object, error) {
	from, err := m.source(p)
	if err != nil {
		return nil, err
	}
	options := kube.RenderOptions{Namespace: m.Namespace, WrittenFor: p.Manifests.Namespace, Excluded: m.excluded(p)}
	plain, err := kube.Render(ctx, from, options)
	if err != nil {
		return nil, err
	}
	images := map[string]string{}
	for _, obj := range plain {
		for _, image := range kube.Images(obj) {
			short := kube.ImageName(image)
			if reference, ok := m.Images[serviceOf(short, p.Services)]; ok {
				images[short] = reference
			}
		}
	}
	options.Images = images
	if options.Excluded != nil {
		options.Excluded = func(kube.Hook) {} // told already
	}
	objects, err := kube.Render(ctx, from, options)
	if err == nil && p.Manifests.Hashed {
		err = kube.HashConfiguration(objects)
	}
	return objects, err
}

// excluded is told of the hooks of other tools; nil refuses them.
func (m Manifests) excluded(p *platform.Platform) func(kube.Hook) {
	switch {
	case p.Manifests.Hooks != platform.Exclude:
		return nil
	case m.Excluded == nil:
		return func(kube.Hook) {}
	}
	return m.Excluded
}

// serviceOf is the service whose image has that name in the manifests.
func serviceOf(image string, services []platform.Service) string {
	for _, s := range services {
		if s.Image.Reference != "" && repository(s.Image.Reference) == repository(image) {
			return s.Name
		}
	}
	return path.Base(image)
}

func (m Manifests) source(p *platform.Platform) (kube.Source, error) {
	switch {
	case p.Manifests.Command != "":
		return kube.Source{Name: p.Manifests.Command, Text: m.Printed}, nil
	case m.Overlay != "":
		return kube.Source{Kustomize: path.Join(p.Root, m.Overlay)}, nil
	}
	names, err := platform.Expand(p.Root, p.Manifests.Files)
	if err != nil {
		return kube.Source{}, err
	}
	var from kube.Source
	for _, name := range names {
		from.Files = append(from.Files, path.Join(p.Root, name))
	}
	return from, nil
}
