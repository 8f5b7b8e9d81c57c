package probe

import (
	"context"
	"fmt"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
)

// VariableProblem is a required variable that is missing or malformed. It never
// holds the value.
type VariableProblem struct {
	Name string `json:"name"`
	// Workload that uses it; empty if none does.
	Workload string `json:"workload,omitempty"`
	// Where it was looked for, such as Secret teei/platform, key JWT_SECRET.
	Where string `json:"where"`
	Cause string `json:"cause"`
}

func (p VariableProblem) String() string {
	if p.Workload == "" {
		return fmt.Sprintf("%s (looked for in %s)", p.Cause, p.Where)
	}
	return fmt.Sprintf("%s for %s (looked for in %s)", p.Cause, p.Workload, p.Where)
}

// VariablesError lists all required variables that an environment lacks.
type VariablesError struct{ Problems []VariableProblem }

func (e *VariablesError) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return "check required variables: " + strings.Join(lines, "; ")
}

// Hint says what to do about it.
func (e *VariablesError) Hint() string {
	return "add them to the Secrets and ConfigMaps named, or take them out of variables: in slipway.yaml"
}

// Variables checks that the containers of the objects about to be applied get
// every required variable, well-formed. A variable must reach at least one
// workload, and be right in each that it reaches. Secrets and ConfigMaps among
// the objects count before those in the cluster, since they are about to
// replace them. The problems are returned, by name; the error is for the cluster.
func Variables(ctx context.Context, c *kube.Cluster, objects []*kube.Object, required []platform.Variable) ([]VariableProblem, error) {
	r := &resolver{cluster: c, coming: map[string]*kube.Object{}, read: map[string]map[string]string{}}
	for _, obj := range objects {
		if kind := obj.GetKind(); kind == "Secret" || kind == "ConfigMap" {
			r.coming[key(kind, obj.GetNamespace(), obj.GetName())] = obj
		}
	}
	var found []finding
	for _, obj := range objects {
		containers, err := kube.Containers(obj)
		if err != nil {
			return nil, err
		}
		for _, container := range containers {
			more, err := r.container(ctx, obj, container)
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
		}
	}
	return r.judge(found, required), nil
}

// finding is a variable of a container, resolved.
type finding struct {
	name, workload, where string
	value                 string
	// missing says why there is no value.
	missing string
	// unknown is set for what only a running pod has, such as its own name.
	unknown bool
}

type resolver struct {
	cluster *kube.Cluster
	coming  map[string]*kube.Object
	read    map[string]map[string]string // nil map: does not exist
	sources []string
}

func key(kind, namespace, name string) string { return kind + " " + namespace + "/" + name }

// container resolves what one container gets, later entries winning, as in a pod.
func (r *resolver) container(ctx context.Context, obj *kube.Object, c corev1.Container) ([]finding, error) {
	byName := map[string]finding{}
	workload := kube.ID(obj)
	for _, from := range c.EnvFrom {
		kind, name, optional := "", "", false
		switch {
		case from.SecretRef != nil:
			kind, name, optional = "Secret", from.SecretRef.Name, yes(from.SecretRef.Optional)
		case from.ConfigMapRef != nil:
			kind, name, optional = "ConfigMap", from.ConfigMapRef.Name, yes(from.ConfigMapRef.Optional)
		default:
			continue
		}
		values, err := r.values(ctx, kind, obj.GetNamespace(), name)
		if err != nil {
			return nil, err
		}
		where := key(kind, obj.GetNamespace(), name)
		if values == nil && !optional {
			where += ", which does not exist"
		}
		r.sources = append(r.sources, where)
		for k, v := range values {
			byName[from.Prefix+k] = finding{name: from.Prefix + k, workload: workload, where: where + ", key " + k, value: v}
		}
	}
	for _, env := range c.Env {
		f, err := r.variable(ctx, obj, env)
		if err != nil {
			return nil, err
		}
		f.name, f.workload = env.Name, workload
		byName[env.Name] = f
	}
	out := make([]finding, 0, len(byName))
	for _, f := range byName {
		out = append(out, f)
	}
	return out, nil
}

func yes(b *bool) bool { return b != nil && *b }

func (r *resolver) variable(ctx context.Context, obj *kube.Object, env corev1.EnvVar) (finding, error) {
	if env.ValueFrom == nil {
		// $(NAME) is filled in by the kubelet from other variables.
		return finding{value: env.Value, where: "the manifest of " + kube.ID(obj), unknown: strings.Contains(env.Value, "$(")}, nil
	}
	kind, name, entry := "", "", ""
	switch {
	case env.ValueFrom.SecretKeyRef != nil:
		kind, name, entry = "Secret", env.ValueFrom.SecretKeyRef.Name, env.ValueFrom.SecretKeyRef.Key
	case env.ValueFrom.ConfigMapKeyRef != nil:
		kind, name, entry = "ConfigMap", env.ValueFrom.ConfigMapKeyRef.Name, env.ValueFrom.ConfigMapKeyRef.Key
	default:
		return finding{unknown: true, where: "the manifest of " + kube.ID(obj)}, nil
	}
	values, err := r.values(ctx, kind, obj.GetNamespace(), name)
	if err != nil {
		return finding{}, err
	}
	f := finding{where: key(kind, obj.GetNamespace(), name) + ", key " + entry}
	value, ok := values[entry]
	switch {
	case values == nil:
		f.missing = kind + " " + name + " does not exist"
	case !ok:
		f.missing = kind + " " + name + " has no such key"
	default:
		f.value = value
	}
	return f, nil
}

func (r *resolver) values(ctx context.Context, kind, namespace, name string) (map[string]string, error) {
	id := key(kind, namespace, name)
	if values, ok := r.read[id]; ok {
		return values, nil
	}
	values, err := r.fetch(ctx, kind, namespace, name)
	if err != nil {
		return nil, err
	}
	r.read[id] = values
	return values, nil
}

func (r *resolver) fetch(ctx context.Context, kind, namespace, name string) (map[string]string, error) {
	if obj := r.coming[key(kind, namespace, name)]; obj != nil {
		return kube.DataOf(obj)
	}
	obj := &kube.Object{}
	obj.SetAPIVersion("v1")
	obj.SetKind(kind)
	obj.SetNamespace(namespace)
	obj.SetName(name)
	live, err := r.cluster.Read(ctx, obj)
	if err != nil || live == nil {
		return nil, err
	}
	return kube.DataOf(live)
}

// judge holds what was found against what is required.
func (r *resolver) judge(found []finding, required []platform.Variable) []VariableProblem {
	var out []VariableProblem
	for _, v := range required {
		seen := map[string]bool{}
		reached := false
		for _, f := range found {
			if f.name != v.Name {
				continue
			}
			reached = true
			if cause := wrong(v, f); cause != "" && !seen[f.where+f.workload] {
				seen[f.where+f.workload] = true
				out = append(out, VariableProblem{Name: v.Name, Workload: f.workload, Where: f.where, Cause: cause})
			}
		}
		if !reached {
			out = append(out, VariableProblem{Name: v.Name, Where: r.searched(), Cause: v.Name + " is missing: no workload gets it"})
		}
	}
	sort.SliceStable(out, func(i, j int) bool {
		return out[i].Name < out[j].Name || out[i].Name == out[j].Name && out[i].Workload < out[j].Workload
	})
	return out
}

func wrong(v platform.Variable, f finding) string {
	switch {
	case f.missing != "":
		return v.Name + " is missing: " + f.missing
	case f.unknown:
		return ""
	}
	if err := v.Check(f.value); err != nil {
		return err.Error()
	}
	return ""
}

// searched lists where variables could have come from.
func (r *resolver) searched() string {
	unique := map[string]bool{}
	for _, s := range r.sources {
		unique[s] = true
	}
	list := []string{"env of the workloads"}
	for s := range unique {
		list = append(list, s)
	}
	sort.Strings(list[1:])
	return strings.Join(list, ", ")
}
