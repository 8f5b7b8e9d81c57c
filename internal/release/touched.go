package release

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// journal writes the steps of a rollout into a record, and what of each object people look for.
type journal struct {
	entry  *ledger.Entry
	ledger *ledger.Ledger
	wanted []*kube.Object
	noting context.Context
}

func (o *Options) journal(entry *ledger.Entry) journal {
	return journal{entry: entry, ledger: o.Ledger, wanted: o.Rollout.Objects, noting: o.noting}
}

func (j journal) Begin(ctx context.Context, step string, changes []rollout.Change) error {
	if len(changes) == 0 {
		return j.entry.Begin(ctx, step, nil)
	}
	if err := j.note(ctx, changes); err != nil {
		return err
	}
	return j.entry.Begin(ctx, step, changes)
}

// Prepare keeps how everything is that the rollout is about to change in one place,
// instead of one for each step.
func (j journal) Prepare(ctx context.Context, steps map[string][]rollout.Change) error {
	before := map[string]any{}
	for step, changes := range steps {
		before[step] = changes
	}
	return j.entry.Keep(ctx, before)
}

// Answered notes how long a service took to answer its health path.
func (j journal) Answered(step string, took time.Duration) { j.entry.Answered(step, took) }

func (j journal) End(_ context.Context, step string, outcome error) error {
	return j.entry.End(j.noting, step, outcome)
}

// Ended is written with what comes next.
func (j journal) Ended(step string) { j.entry.Ended(step, nil) }

// note adds what is about to be written to the record, which the step's beginning
// then stores. What an earlier attempt noted stays.
func (j journal) note(ctx context.Context, changes []rollout.Change) error {
	record := j.entry.Record
	for _, c := range changes {
		id := kube.ID(c.Object)
		if slices.ContainsFunc(record.Objects, func(t ledger.Touched) bool { return t.ID == id }) {
			continue
		}
		t := ledger.Touched{ID: id, APIVersion: c.Object.GetAPIVersion(), Service: c.Service}
		var after *kube.Object
		if i := slices.IndexFunc(j.wanted, func(o *kube.Object) bool { return kube.ID(o) == id }); i >= 0 {
			after = j.wanted[i]
		}
		var err error
		if t.Before, err = facts(ctx, j.ledger, c.Before); err != nil {
			return err
		}
		if t.After, err = facts(ctx, j.ledger, after); err != nil {
			return err
		}
		if scaledByOthers(c.Before) && t.After != nil {
			t.Before.Replicas, t.After.Replicas = nil, nil
		}
		record.Objects = append(record.Objects, t)
	}
	return nil
}

// noteBack adds what a rollback is about to write to its record: each object as it
// is, and as it was and is to be again.
func (o *Options) noteBack(ctx context.Context, record *ledger.Record, changes []rollout.Change) error {
	for _, c := range changes {
		live, err := o.Rollout.Cluster.Read(ctx, c.Object)
		if err != nil {
			return err
		}
		t := ledger.Touched{ID: kube.ID(c.Object), APIVersion: c.Object.GetAPIVersion(), Service: c.Service}
		if t.Before, err = facts(ctx, o.Ledger, live); err != nil {
			return err
		}
		if t.After, err = facts(ctx, o.Ledger, c.Before); err != nil {
			return err
		}
		if scaledByOthers(c.Before) && t.Before != nil {
			t.Before.Replicas, t.After.Replicas = nil, nil
		}
		record.Objects = append(record.Objects, t)
	}
	return nil
}

// scaledByOthers reports whether the number of pods is none of slipway's: a release
// leaves alone what an autoscaler owns.
func scaledByOthers(before *kube.Object) bool {
	return before != nil && !kube.OwnsField(before, "spec", "replicas")
}

// facts are what people look for in an object; nil for none.
func facts(ctx context.Context, l *ledger.Ledger, obj *kube.Object) (*ledger.Facts, error) {
	if obj == nil {
		return nil, nil
	}
	f := &ledger.Facts{Images: kube.Images(obj)}
	if n, found, _ := unstructured.NestedInt64(obj.Object, "spec", "replicas"); found {
		f.Replicas = &n
	}
	for _, r := range kube.References(obj) {
		if r.Kind == "ConfigMap" || r.Kind == "Secret" {
			f.Reads = append(f.Reads, r.Kind+"/"+r.Name)
		}
	}
	slices.Sort(f.Reads)
	if obj.GetKind() != "Secret" && obj.GetKind() != "ConfigMap" {
		return f, nil
	}
	hasher, err := l.Hasher(ctx)
	if err != nil {
		return nil, err
	}
	content, err := json.Marshal(contentOf(obj))
	if err != nil {
		return nil, err
	}
	f.Content = hasher.Hash(kube.ID(obj), string(content))
	return f, nil
}

// contentOf is what a Secret or ConfigMap holds, whatever else there is in it.
func contentOf(obj *kube.Object) map[string]any {
	out := map[string]any{}
	for _, field := range []string{"data", "binaryData"} {
		if held, _ := obj.Object[field].(map[string]any); len(held) > 0 {
			out[field] = held
		}
	}
	return out
}

// leftBehind are objects that standing releases made, that no manifest has any
// more, and that are still there. Configuration under hashed names is not among
// them: an earlier release may come back to it.
func leftBehind(ctx context.Context, cluster *kube.Cluster, namespace string, records []*ledger.Record, manifests map[string]bool) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, r := range records {
		if !r.Standing() {
			continue
		}
		for _, t := range slices.Concat(r.Objects, workloads(namespace, r)) {
			if seen[t.ID] || manifests[t.ID] || t.After == nil {
				continue
			}
			seen[t.ID] = true
			live, err := cluster.Read(ctx, t.Object())
			if kube.Refused(err) {
				continue // nobody releases such a thing here any more, or may look at it
			}
			if err != nil {
				return nil, err
			}
			if live != nil && live.GetLabels()["app.kubernetes.io/managed-by"] == kube.Manager && live.GetLabels()[kube.ConfigurationLabel] == "" && live.GetDeletionTimestamp() == nil {
				out = append(out, t.ID)
			}
		}
	}
	slices.SortFunc(out, strings.Compare)
	return out, nil
}

// workloads are what the services of a release may be, also where it did not change them.
func workloads(namespace string, r *ledger.Record) (out []ledger.Touched) {
	for service := range r.Images {
		for _, kind := range []string{"Deployment", "StatefulSet", "DaemonSet"} {
			out = append(out, ledger.Touched{ID: kind + "/" + namespace + "/" + service, APIVersion: "apps/v1", After: &ledger.Facts{}})
		}
	}
	return out
}
