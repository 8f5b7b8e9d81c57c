package release

import (
	"context"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/rollout"
)

// reader reads live objects once each.
type reader struct {
	cluster *kube.Cluster
	read    map[string]*kube.Object
}

func (r reader) live(ctx context.Context, obj *kube.Object) (*kube.Object, error) {
	id := kube.ID(obj)
	if live, known := r.read[id]; known {
		return live, nil
	}
	live, err := r.cluster.Read(ctx, obj)
	if err == nil {
		r.read[id] = live
	}
	return live, err
}

// missing is what pods that the release makes refer to, and what neither the
// cluster has nor the manifests bring. What the account may not read is passed over.
func (o *Planning) missing(ctx context.Context, from reader, differences []rollout.Difference) ([]plan.Missing, error) {
	brought := map[string]*kube.Object{}
	for _, obj := range o.Rollout.Objects {
		brought[kube.ID(obj)] = obj
	}
	var out []plan.Missing
	at := map[kube.Need]int{}
	for _, d := range differences {
		if !d.Changed || d.Object.GetNamespace() != o.Rollout.Namespace {
			continue
		}
		needs, err := kube.Needs(d.Object)
		if err != nil {
			return nil, err
		}
		for _, need := range needs {
			if i, known := at[need]; known {
				out[i].For = append(out[i].For, kube.ID(d.Object))
				continue
			}
			lacks, err := o.lacks(ctx, from, brought, need)
			if err != nil {
				return nil, err
			}
			if lacks {
				at[need] = len(out)
				id := kube.ID(need.Named(o.Rollout.Namespace))
				out = append(out, plan.Missing{ID: id, Key: need.Key, For: []string{kube.ID(d.Object)}, By: o.maker(need)})
			}
		}
	}
	slices.SortFunc(out, func(a, b plan.Missing) int { return strings.Compare(a.ID+" "+a.Key, b.ID+" "+b.Key) })
	return out, nil
}

// lacks reports whether a need is not met. A key of what is not there at all is
// not said once more.
func (o *Planning) lacks(ctx context.Context, from reader, brought map[string]*kube.Object, need kube.Need) (bool, error) {
	obj := need.Named(o.Rollout.Namespace)
	if own := brought[kube.ID(obj)]; own != nil {
		return need.Key != "" && !kube.HasKey(own, need.Key), nil
	}
	live, err := from.live(ctx, obj)
	switch {
	case kube.Refused(err):
		return false, nil
	case err != nil:
		return false, err
	case live == nil:
		return need.Key == "", nil
	}
	return need.Key != "" && !kube.HasKey(live, need.Key), nil
}

// maker is the object of the manifests, of a kind that Kubernetes does not know by
// itself, that names what is missing: its controller may make that, as External
// Secrets and cert-manager do. "" if there is none.
func (o *Planning) maker(need kube.Need) string {
	for _, obj := range o.Rollout.Objects {
		group := obj.GroupVersionKind().Group
		if strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io") && says(obj.Object, need.Name) {
			return kube.ID(obj)
		}
	}
	return ""
}

// says reports whether a value is somewhere in an object.
func says(in any, text string) bool {
	switch v := in.(type) {
	case string:
		return v == text
	case map[string]any:
		for _, inner := range v {
			if says(inner, text) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(inner any) bool { return says(inner, text) })
	}
	return false
}
