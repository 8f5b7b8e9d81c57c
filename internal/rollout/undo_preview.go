package rollout

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
)

// UndoPreview is what taking a change back would do to its object.
type UndoPreview struct {
	ID      string
	Service string // if it is a service's workload
	Action  string // Restore, Delete or Keep
	// Now and Then are the images that it has, and that it would have.
	Now, Then []string
	// Problem says why nobody knows how it is now, "" where it is known: that keeps
	// the others from going back no more than it does in Undo.
	Problem string
	// Claims says that the volume claims of a StatefulSet would be deleted with it.
	Claims bool
}

// What is done to an object that goes back.
const (
	Restore = "restore"
	Delete  = "delete"
	Keep    = "keep" // what may hold data is never deleted
)

// PreviewUndo says what Undo would do, in its order, and changes nothing. Objects
// that are as before already are left out.
func PreviewUndo(ctx context.Context, o Options, changes []Change) ([]UndoPreview, error) {
	scaled, err := autoscaled(ctx, o.Cluster, o.Namespace)
	if err != nil {
		return nil, err
	}
	r := newRun(o)
	r.scaled = scaled
	var objects []*kube.Object
	for _, c := range changes {
		objects = append(objects, c.Object)
	}
	at := newLive(ctx, o.Cluster, objects)
	var out []UndoPreview
	for _, c := range backwards(changes) {
		live, err := at.read(ctx, c.Object)
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		if err != nil {
			out = append(out, r.unread(c, err))
			continue
		}
		if u := r.undoing(c, live); u != nil {
			out = append(out, *u)
		}
	}
	return out, nil
}

// unread is what would be done to an object that cannot be read.
func (r *run) unread(c Change, err error) UndoPreview {
	u := UndoPreview{ID: kube.ID(c.Object), Service: c.Service, Action: Restore, Problem: r.redact(err.Error())}
	if c.Before == nil {
		u.Action = Delete
	}
	return u
}

// undoing is what takeBack would do, nil for nothing.
func (r *run) undoing(c Change, live *kube.Object) *UndoPreview {
	if r.anothers(live) != "" {
		return nil
	}
	u := &UndoPreview{ID: kube.ID(c.Object), Service: c.Service, Action: Restore}
	if live != nil {
		u.Now = kube.Images(live)
	}
	switch {
	case madeByOthers(c, live):
		return nil
	case deletes(c, live):
		if live == nil {
			return nil
		}
		u.Action = Delete
		if stays(live) {
			u.Action = Keep
		}
		when, _, _ := unstructured.NestedString(live.Object, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")
		u.Claims = when == "Delete"
		return u
	case r.asItWas(c, live), live != nil && kube.ChangedByOthersAlone(live, c.Before):
		return nil
	}
	u.Then = kube.Images(c.Before)
	return u
}

// backwards are changes in the order in which they are taken back.
//
// Configuration goes back first, because the pods of a service that is put back
// read it as they start. Then the services, last one first. What was created for
// them is deleted at the end, when nothing needs it any more.
func backwards(changes []Change) []Change {
	var config, services, created []Change
	for i := len(changes) - 1; i >= 0; i-- {
		switch c := changes[i]; {
		case c.Service != "" || serves(c.Object.GetKind()):
			services = append(services, c)
		case c.Before != nil:
			config = append(config, c)
		default:
			created = append(created, c)
		}
	}
	return append(append(config, services...), created...)
}
