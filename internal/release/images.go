package release

import (
	"context"
	"errors"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// running are the images that the services run now, for a rollback to record: the
// release that it goes back to may have named some services only, and the first
// of all may have found others there.
func (o *Options) running(ctx context.Context) (map[string]string, error) {
	all, err := o.Ledger.Releases(ctx)
	if err != nil && !errors.As(err, new(*ledger.DamagedError)) {
		return nil, err
	}
	live, err := rollout.Images(ctx, o.Rollout.Cluster, o.Rollout.Namespace)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, r := range all { // newest first
		for service, image := range r.Images {
			if found[service] == "" && len(live[service]) > 0 {
				found[service] = ofRepository(live[service], image)
			}
		}
	}
	return found, nil
}

// ofRepository is the image of the same repository as another, among those of a
// workload: beside it may run a proxy or a collector of logs.
func ofRepository(images []string, other string) string {
	same := func(image string) bool { return repository(image) == repository(other) }
	if i := slices.IndexFunc(images, same); i >= 0 {
		return images[i]
	}
	return images[0]
}

// repository is where an image lies, without digest and tag, and with what a
// short name leaves out: nginx lies in index.docker.io/library/nginx.
func repository(image string) string {
	ref, err := name.ParseReference(image)
	if err != nil {
		return kube.ImageName(image)
	}
	return ref.Context().Name()
}
