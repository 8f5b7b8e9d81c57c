package rollout

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/teei/slipway/internal/kube"
)

// A workload whose kind changes, such as a Deployment that becomes a StatefulSet,
// is another object of the same name. Both would serve. So the new one comes up
// beside the old one, and once it is healthy the old one is deleted, in the same
// step. Going back makes the old one again before the new one is deleted.

// KindError says why the kind of a workload cannot be changed by a release.
type KindError struct {
	Old *kube.Object
	New string // kind
	Why string
}

func (e *KindError) Error() string {
	return fmt.Sprintf("%s is a %s in the manifests, and both would serve: %s", kube.ID(e.Old), e.New, e.Why)
}

// Usage marks that nothing was begun.
func (e *KindError) Usage() bool { return true }

// Hint says what to do about it.
func (e *KindError) Hint() string {
	return fmt.Sprintf("give the new one another name, or delete the old one first, and nothing serves until the release: `kubectl -n %s delete %s %s`",
		e.Old.GetNamespace(), strings.ToLower(e.Old.GetKind()), e.Old.GetName())
}

// served are the kinds that can be a service, with what they are called in requests.
var served = []struct {
	kind     string
	resource schema.GroupVersionResource
}{{deploymentKind, kube.Deployments}, {statefulSetKind, kube.StatefulSets}, {daemonSetKind, kube.DaemonSets}}

// retire finds the workloads of another kind whose place new ones take.
func (r *run) retire(ctx context.Context, differences []Difference) error {
	manifests := map[string]bool{}
	for _, obj := range r.Objects {
		manifests[kube.ID(obj)] = true
	}
	names := map[string]map[string]bool{} // of the live ones, by kind
	for i := range differences {
		d := &differences[i]
		if !serves(d.Object.GetKind()) || d.Object.GetNamespace() != r.Namespace {
			continue
		}
		for _, other := range served {
			old := named(d.Object)
			old.SetKind(other.kind)
			_, begun := r.earlier[kube.ID(old)]
			if other.kind == d.Object.GetKind() || manifests[kube.ID(old)] || d.Before != nil && !begun {
				continue
			}
			if names[other.kind] == nil {
				found, err := r.named(ctx, other.resource)
				if err != nil {
					return err
				}
				names[other.kind] = found
			}
			if names[other.kind][old.GetName()] {
				if err := r.takesPlace(ctx, d, old); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// named are the names of the live objects of a kind. Who may not list them has
// none of them.
func (r *run) named(ctx context.Context, resource schema.GroupVersionResource) (map[string]bool, error) {
	found, err := r.Cluster.Metadata(ctx, resource, r.Namespace, "")
	if err != nil && !apierrors.IsForbidden(err) {
		return nil, err
	}
	names := map[string]bool{}
	for _, live := range found {
		names[live.Name] = live.DeletionTimestamp == nil // else it goes by itself
	}
	return names, nil
}

// takesPlace notes that a new workload takes the place of the old one, if a
// release may delete that.
func (r *run) takesPlace(ctx context.Context, d *Difference, old *kube.Object) error {
	live, err := r.Cluster.Read(ctx, old)
	if err != nil || live == nil {
		return err
	}
	if err := keeper(live); err != nil {
		return err
	}
	deletes, _, _ := unstructured.NestedString(live.Object, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")
	switch {
	case live.GetLabels()["app.kubernetes.io/managed-by"] != kube.Manager || !kube.Wrote(live): // a label may be copied
		return &KindError{Old: live, New: d.Object.GetKind(), Why: "slipway did not make the old one, and so does not delete it"}
	case kube.Kept(live) != "":
		return &KindError{Old: live, New: d.Object.GetKind(), Why: "the old one is never to be deleted (" + Clean(kube.Kept(live)) + ")"}
	case deletes == "Delete":
		return &KindError{Old: live, New: d.Object.GetKind(), Why: "the volumes of the old one would be deleted with it (persistentVolumeClaimRetentionPolicy)"}
	}
	d.Retired = live
	return nil
}

// clearOut deletes the workload whose place another kind has taken, as it was read
// before the first write and no other.
func (r *run) clearOut(ctx context.Context, old *kube.Object) error {
	if old == nil {
		return nil
	}
	live, err := r.Cluster.Read(ctx, old)
	if err != nil || live == nil {
		return err
	}
	fits := func(now *kube.Object) bool { return same(now, old, r.autoscales(old)) }
	if err := spared(live, old, fits); err != nil {
		return err
	}
	if err := r.erase(ctx, live, fits); err != nil {
		return err
	}
	ctx, stop := context.WithTimeoutCause(ctx, r.Deadline, fmt.Errorf("delete %s: it is not gone after %s", kube.ID(old), r.Deadline))
	defer stop()
	if err := r.view.gone(ctx, old.GetKind(), old.GetName()); err != nil {
		return err
	}
	r.mu.Lock()
	r.result.Objects = append(r.result.Objects, ObjectResult{ID: kube.ID(old), Action: "deleted"})
	r.mu.Unlock()
	r.report(Progress{Service: kube.ID(old), Phase: Applying, Detail: "deleted"})
	return nil
}

// retired is the change that takes the old workload away.
func (r *run) retired(old *kube.Object) Change {
	if earlier, ok := r.earlier[kube.ID(old)]; ok {
		return earlier
	}
	return Change{Object: named(old), Before: old, Ran: ranBefore(old)}
}
