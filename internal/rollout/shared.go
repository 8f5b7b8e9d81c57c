package rollout

import (
	"fmt"
	"strings"

	"github.com/teei/slipway/internal/kube"
)

// ownerMark is the annotation on what lives outside of namespaces that says which
// platform and environment released it. In a namespace everything is of one; here
// two platforms can have an object of one name.
const ownerMark = "slipway.dev/owner"

// AnothersError says that an object outside of namespaces is another platform's, or
// another environment's.
type AnothersError struct{ Object, Owner, Ours string }

func (e *AnothersError) Error() string {
	return fmt.Sprintf("%s is released by %s, and this is %s", e.Object, e.Owner, e.Ours)
}

// Usage marks that nothing was begun.
func (e *AnothersError) Usage() bool { return true }

// Hint says what to do about it.
func (e *AnothersError) Hint() string {
	return "give it another name here, or leave it to the other and take it out of these manifests"
}

// us is this platform and environment as the mark has them, "" where nobody says.
func (r *run) us() string {
	if r.Owner.Platform == "" {
		return ""
	}
	return r.Owner.Platform + "/" + r.Owner.Environment
}

// anothers is who released an object outside of namespaces, if it was not us.
func (r *run) anothers(live *kube.Object) string {
	if live == nil || live.GetNamespace() != "" || r.us() == "" {
		return ""
	}
	if by := live.GetAnnotations()[ownerMark]; by != r.us() {
		return by
	}
	return ""
}

// yields fails with an *AnothersError where a live object is not ours to change.
func (r *run) yields(live *kube.Object) error {
	if by := r.anothers(live); by != "" {
		return &AnothersError{Object: kube.ID(live), Owner: described(by), Ours: described(r.us())}
	}
	return nil
}

// marked is an object with the mark of who releases it: ours, or another's, who
// keeps it as long as these manifests have it as it is.
func (r *run) marked(obj *kube.Object, by string) *kube.Object {
	if r.us() == "" || !r.Cluster.ClusterWide(obj) {
		return obj
	}
	out := obj.DeepCopy()
	annotations := out.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	if annotations[ownerMark] = r.us(); by != "" {
		annotations[ownerMark] = by
	}
	out.SetAnnotations(annotations)
	return out
}

func described(mark string) string {
	name, environment, _ := strings.Cut(Clean(mark), "/")
	return "platform " + name + ", environment " + environment
}
