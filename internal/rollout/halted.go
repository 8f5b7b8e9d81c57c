package rollout

import (
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
)

// HaltedError says that writing a workload would replace no pod, so that a release of
// it could only wait in vain.
type HaltedError struct{ Object, Why, Advice string }

func (e *HaltedError) Error() string { return e.Object + " would replace no pod: " + e.Why }

// Hint says what to do about it.
func (e *HaltedError) Hint() string { return e.Advice }

// halted returns an error if a workload would not roll, as it is to become.
func halted(d Difference) error {
	wanted := d.After
	if wanted == nil {
		wanted = d.Object
	}
	if paused(wanted) {
		return pausedError(d.Object, paused(d.Object))
	}
	kind := wanted.GetKind()
	if strategy, _, _ := unstructured.NestedString(wanted.Object, "spec", "updateStrategy", "type"); strategy != "OnDelete" || d.Before == nil || kind != statefulSetKind && kind != daemonSetKind {
		return nil
	}
	before, _, _ := unstructured.NestedMap(d.Before.Object, templatePath(kind)...)
	after, _, _ := unstructured.NestedMap(wanted.Object, templatePath(kind)...)
	if reflect.DeepEqual(before, after) {
		return nil
	}
	return &HaltedError{Object: kube.ID(wanted), Why: "its updateStrategy is OnDelete, so pods are replaced only when somebody deletes them", Advice: "set updateStrategy to RollingUpdate in its manifest"}
}

// paused reports whether a Deployment does not roll for now.
func paused(obj *kube.Object) bool {
	is, _, _ := unstructured.NestedBool(obj.Object, "spec", "paused")
	return is && obj.GetKind() == deploymentKind
}

func pausedError(obj *kube.Object, inManifest bool) error {
	e := &HaltedError{Object: kube.ID(obj), Why: "the Deployment is paused"}
	e.Advice = fmt.Sprintf("`kubectl -n %s rollout resume %s/%s`, then repeat this", obj.GetNamespace(), strings.ToLower(obj.GetKind()), obj.GetName())
	if inManifest {
		e.Advice = "take `paused` out of its manifest"
	}
	return e
}
