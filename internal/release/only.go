package release

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/rollout"
)

// Only leaves in a release what belongs to the named services alone, and what
// their pods refer to. It returns the objects that are left out.
func Only(o *rollout.Options, names []string) (out []string, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	known := map[string]bool{}
	for _, s := range o.Services {
		known[s.Name] = true
	}
	for _, name := range names {
		if !known[name] {
			return nil, &UnknownServiceError{Name: name, Known: sortedNames(o.Services)}
		}
	}
	taken := belongings(o.Objects, known, names)
	var objects []*kube.Object
	for _, obj := range o.Objects {
		if taken[obj] {
			objects = append(objects, obj)
		} else {
			out = append(out, kube.ID(obj))
		}
	}
	o.Objects = objects
	o.Services = slices.DeleteFunc(slices.Clone(o.Services), func(s rollout.Service) bool { return !slices.Contains(names, s.Name) })
	return out, nil
}

// belonging finds what belongs to some services of all that are known.
type belonging struct {
	objects []*kube.Object
	taken   map[*kube.Object]bool
}

func belongings(objects []*kube.Object, known map[string]bool, names []string) map[*kube.Object]bool {
	b := &belonging{objects: objects, taken: map[*kube.Object]bool{}}
	for _, obj := range objects {
		name := plainName(obj)
		b.taken[obj] = slices.Contains(names, name) || obj.GetKind() == "Namespace" || !known[name] && runsOnly(obj, known, names)
	}
	// What points to what is taken is taken, until nothing is added.
	for before := -1; before != b.count(); {
		before = b.count()
		for _, obj := range objects {
			if b.needed(obj) || !known[plainName(obj)] && b.serves(obj) {
				b.taken[obj] = true
			}
		}
	}
	return b.taken
}

func (b *belonging) count() (n int) {
	for _, taken := range b.taken {
		if taken {
			n++
		}
	}
	return n
}

// plainName is the name without the hash of configuration.
func plainName(obj *kube.Object) string {
	if plain := obj.GetLabels()[kube.ConfigurationLabel]; plain != "" {
		return plain
	}
	return obj.GetName()
}

// runsOnly reports whether a workload that is no service, such as a CronJob, runs
// images of these services and of no other.
func runsOnly(obj *kube.Object, known map[string]bool, names []string) bool {
	own := false
	for _, image := range kube.Images(obj) {
		name := path.Base(kube.ImageName(image))
		if known[name] && !slices.Contains(names, name) {
			return false
		}
		own = own || known[name]
	}
	return own
}

// needed reports whether pods of what is taken refer to it, or a binding of their account does.
func (b *belonging) needed(obj *kube.Object) bool {
	for other, taken := range b.taken {
		if !taken {
			continue
		}
		role, _, _ := unstructured.NestedStringMap(other.Object, "roleRef")
		if role["kind"] == obj.GetKind() && role["name"] == obj.GetName() {
			return true
		}
		if slices.Contains(kube.References(other), kube.Reference{Kind: obj.GetKind(), Name: obj.GetName()}) {
			return true
		}
	}
	return false
}

// serves reports whether an object points to something, and to nothing but what is taken:
// a Service to pods, an autoscaler to a workload, an Ingress to Services.
func (b *belonging) serves(obj *kube.Object) bool {
	var at []*kube.Object
	for _, other := range b.objects {
		if other != obj && pointsTo(obj, other) {
			at = append(at, other)
		}
	}
	return len(at) > 0 && !slices.ContainsFunc(at, func(o *kube.Object) bool { return !b.taken[o] })
}

func pointsTo(obj, other *kube.Object) bool {
	for _, field := range []string{"scaleTargetRef", "targetRef"} { // of autoscalers
		ref, _, _ := unstructured.NestedMap(obj.Object, "spec", field)
		if ref["name"] == other.GetName() && (ref["kind"] == other.GetKind() || ref["kind"] == nil && kube.PodLabels(other) != nil) {
			return true
		}
	}
	subjects, _, _ := unstructured.NestedSlice(obj.Object, "subjects") // of role bindings
	for _, s := range subjects {
		if subject, _ := s.(map[string]any); subject["kind"] == other.GetKind() && subject["name"] == other.GetName() {
			return true
		}
	}
	if other.GetKind() == "Service" {
		return selects(obj, other.GetLabels(), "ServiceMonitor") || routes(obj.Object["spec"], other.GetName())
	}
	return selects(obj, kube.PodLabels(other), "Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor")
}

// selects reports whether the selector of an object of these kinds matches labels.
func selects(obj *kube.Object, labels map[string]string, kinds ...string) bool {
	if !slices.Contains(kinds, obj.GetKind()) || labels == nil {
		return false
	}
	at := []string{"spec", "selector", "matchLabels"}
	switch obj.GetKind() {
	case "Service":
		at = []string{"spec", "selector"}
	case "NetworkPolicy":
		at = []string{"spec", "podSelector", "matchLabels"}
	}
	wanted, _, _ := unstructured.NestedStringMap(obj.Object, at...)
	for name, value := range wanted {
		if labels[name] != value {
			return false
		}
	}
	return len(wanted) > 0 // of everything is of no service
}

// routes reports whether a backend somewhere in an Ingress or a route of the
// Gateway API names a Service.
func routes(value any, service string) bool {
	switch v := value.(type) {
	case map[string]any:
		if of, _ := v["service"].(map[string]any); of["name"] == service {
			return true
		}
		for key, inner := range v {
			if refs, _ := inner.([]any); key == "backendRefs" && slices.ContainsFunc(refs, func(r any) bool {
				ref, _ := r.(map[string]any)
				return ref["name"] == service
			}) {
				return true
			}
			if routes(inner, service) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(inner any) bool { return routes(inner, service) })
	}
	return false
}

// UnknownServiceError names a service that the platform does not have.
type UnknownServiceError struct {
	Name  string
	Known []string
}

func (e *UnknownServiceError) Error() string {
	return fmt.Sprintf("the platform has no service %q", e.Name)
}

// Usage marks that nothing was begun.
func (e *UnknownServiceError) Usage() bool { return true }

// Hint says what to do about it.
func (e *UnknownServiceError) Hint() string { return "there are " + strings.Join(e.Known, ", ") }

func sortedNames(services []rollout.Service) []string {
	var names []string
	for _, s := range services {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return names
}
