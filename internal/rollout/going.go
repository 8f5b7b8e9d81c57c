package rollout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
)

// GoingError says that an object is being deleted: what is written to it goes with it.
type GoingError struct {
	Object     string // its ID
	Command    string // waits until it is gone
	Finalizers []string
	Remaining  string // of a namespace, what keeps it
}

func (e *GoingError) Error() string {
	return e.Object + " is being deleted" + kept(e.Finalizers) + e.Remaining
}

// Usage marks that nothing was begun.
func (e *GoingError) Usage() bool { return true }

// Hint says what to do about it.
func (e *GoingError) Hint() string {
	if len(e.Finalizers) > 0 {
		return "whoever set its finalizers has to take them away; wait with `" + e.Command + "`, then release again"
	}
	return "wait until it is gone, `" + e.Command + "`, then release again"
}

// kept is what keeps an object that is being deleted.
func kept(finalizers []string) string {
	if len(finalizers) == 0 {
		return ""
	}
	return ", and kept by its finalizers: " + Clean(strings.Join(finalizers, ", "))
}

// going returns a *GoingError for a live object that is being deleted.
func going(live *kube.Object) error {
	if live == nil || live.GetDeletionTimestamp() == nil {
		return nil
	}
	in := ""
	if live.GetNamespace() != "" {
		in = "-n " + live.GetNamespace() + " "
	}
	return &GoingError{
		Object: kube.ID(live), Finalizers: live.GetFinalizers(), Remaining: remaining(live),
		Command: fmt.Sprintf("kubectl %swait --for=delete --timeout=5m %s/%s", in, strings.ToLower(live.GetKind()), live.GetName()),
	}
}

// remaining is what keeps a namespace that is being deleted: objects with finalizers.
func remaining(live *kube.Object) string {
	conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		if message, _ := condition["message"].(string); condition["type"] == "NamespaceFinalizersRemaining" && condition["status"] == "True" {
			return ": " + Clean(message)
		}
	}
	return ""
}

// namespaceGoing returns a *GoingError where the namespace is being deleted. Who
// may not read it finds out from what the API server refuses.
func namespaceGoing(ctx context.Context, c *kube.Cluster, namespace string) error {
	live, err := c.Read(ctx, namespaceOf(namespace))
	if err != nil {
		return nil
	}
	return going(live)
}

func namespaceOf(name string) *kube.Object {
	obj := &kube.Object{}
	obj.SetAPIVersion("v1")
	obj.SetKind("Namespace")
	obj.SetName(name)
	return obj
}

// deleted is the sign of a workload on its way out; nil for one that stays.
func deleted(w metav1.Object, kind string) *sign {
	if w.GetDeletionTimestamp() == nil {
		return nil
	}
	return &sign{reason: "its " + kind + " is being deleted" + kept(w.GetFinalizers()), gone: true}
}

// lost asks the API server itself about a workload that the watches do not have
// any more: one of ours was written, so it was there.
func (v *view) lost(ctx context.Context, g goal) *sign {
	ctx, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	obj := &kube.Object{}
	obj.SetGroupVersionKind(versions[g.kind].WithKind(g.kind))
	obj.SetNamespace(v.namespace)
	obj.SetName(g.name)
	live, err := v.cluster.Read(ctx, obj)
	switch {
	case err != nil || live != nil && live.GetUID() == g.uid:
		return nil // away, or not seen yet
	case live != nil:
		return &sign{reason: "its " + g.kind + " was deleted and made anew by " + Clean(kube.LastManager(live)) + " meanwhile", gone: true}
	}
	found := &sign{reason: "its " + g.kind + " was deleted meanwhile", gone: true}
	switch namespace, err := v.cluster.Read(ctx, namespaceOf(v.namespace)); {
	case err != nil: // who may not read it
	case namespace == nil:
		found.reason += ": namespace " + v.namespace + " is gone"
	case going(namespace) != nil:
		found.reason += ": namespace " + v.namespace + " is being deleted"
	}
	return found
}

// untilGone waits for an object that is being deleted, of whatever kind, and so
// without a watch. It fails with a *GoingError.
func (r *run) untilGone(ctx context.Context, live *kube.Object) error {
	why, late := going(live), time.Now().Add(r.Deadline/2) // what comes after needs time as well
	for why != nil {
		if time.Now().After(late) {
			return why
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(why, context.Cause(ctx))
		}
		now, err := r.Cluster.Read(ctx, live)
		if err != nil {
			return err
		}
		if why = going(now); now != nil && now.GetUID() != live.GetUID() {
			return nil // somebody made another one
		}
	}
	return nil
}
