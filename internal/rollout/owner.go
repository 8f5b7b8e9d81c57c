package rollout

import (
	"errors"
	"fmt"
	"strings"

	"github.com/teei/slipway/internal/kube"
)

// OwnedError says that a controller of another tool keeps an object: it would
// put back whatever a release changes.
type OwnedError struct {
	Object, Owner string
}

func (e *OwnedError) Error() string { return fmt.Sprintf("%s belongs to %s", e.Object, e.Owner) }

// Usage marks that nothing was begun.
func (e *OwnedError) Usage() bool { return true }

// Hint says what to do about it.
func (e *OwnedError) Hint() string {
	return "release it there, or take it out of there first; two tools would undo each other's changes"
}

// keepers are the marks of tools that reconcile: labels and annotations that
// they put on what they keep (argo-cd.readthedocs.io "Resource Tracking",
// fluxcd.io "Kustomization" and "HelmRelease").
var keepers = []struct{ mark, tool string }{
	{"argocd.argoproj.io/tracking-id", "Argo CD"},
	{"argocd.argoproj.io/instance", "Argo CD"},
	{"kustomize.toolkit.fluxcd.io/name", "Flux (Kustomization)"},
	{"helm.toolkit.fluxcd.io/name", "Flux (HelmRelease)"},
}

// managers are the names under which the same tools write, where they leave no mark.
var managers = map[string]string{
	"argocd-controller": "Argo CD", "argocd-application-controller": "Argo CD",
	"kustomize-controller": "Flux", "helm-controller": "Flux",
}

// keeper returns an error if another tool keeps the live object. What the
// manifests themselves mark so is no matter: they are what is released.
func keeper(live *kube.Object) error {
	if live == nil {
		return nil
	}
	labels, annotations := live.GetLabels(), live.GetAnnotations()
	for _, k := range keepers {
		for _, marks := range []map[string]string{labels, annotations} {
			if name, ok := marks[k.mark]; ok {
				name, _, _ = strings.Cut(name, ":") // of a tracking id, the application
				return &OwnedError{Object: kube.ID(live), Owner: k.tool + " " + Clean(name)}
			}
		}
	}
	for _, field := range live.GetManagedFields() {
		if tool, ok := managers[field.Manager]; ok && field.Subresource == "" {
			return &OwnedError{Object: kube.ID(live), Owner: tool}
		}
	}
	return nil
}

// advise says of a conflict which command takes over what is in the way.
func (r *run) advise(err error) error {
	var conflict *kube.ConflictError
	if errors.As(err, &conflict) {
		conflict.Advice = "`slipway adopt --env " + r.Environment + "` shows who owns what of it, and takes it over"
	}
	return err
}

// adviseBack is advise for what does not go back.
func (r *run) adviseBack(err error) error {
	var conflict *kube.ConflictError
	if errors.As(err, &conflict) {
		adopt := "slipway adopt --env " + r.Environment
		conflict.Advice = "`" + adopt + "` takes it over, and `slipway rollback --env " + r.Environment + " --unfinished` then puts it back; `" + adopt + " --current` accepts what is there now"
	}
	return err
}
