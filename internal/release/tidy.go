package release

import (
	"context"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
)

// tidy deletes configuration under hashed names that nothing needs any more: no
// release that is kept goes back to it, nothing that was just released reads it,
// and nothing that runs. A release does not fail for what could not be deleted.
func (o *Options) tidy(ctx context.Context, lock *ledger.Lock) {
	if o.partial || !hashed(o.Rollout.Objects) {
		return
	}
	deleted, others, err := o.deleteUnneeded(ctx, lock)
	if len(others) > 0 {
		o.say("! named or labelled like old configuration, and not as slipway made it, so it stays: ConfigMap %s", strings.Join(others, ", "))
	}
	if err != nil {
		o.say("! old configuration could not be deleted: %v", err)
	} else if deleted > 0 {
		o.say("%s that no kept release needs: deleted", count(deleted, "old ConfigMap"))
	}
}

func hashed(objects []*kube.Object) bool {
	for _, obj := range objects {
		if obj.GetLabels()[kube.ConfigurationLabel] != "" {
			return true
		}
	}
	return false
}

func (o *Options) deleteUnneeded(ctx context.Context, lock *ledger.Lock) (deleted int, others []string, err error) {
	live, err := kube.List[unstructured.Unstructured](ctx, o.Rollout.Cluster, kube.ConfigMaps, o.Rollout.Namespace, kube.ConfigurationLabel, "")
	if err != nil {
		return 0, nil, err
	}
	needed, err := o.needed(ctx)
	if err != nil {
		return 0, nil, err
	}
	for _, obj := range live {
		if needed[obj.GetName()] {
			continue
		}
		if !kube.Hashed(obj) || kube.Kept(obj) != "" {
			others = append(others, obj.GetName())
			continue
		}
		if err := lock.Guard(ctx, obj); err != nil {
			return deleted, others, err
		}
		obj.SetAPIVersion("v1")
		obj.SetKind("ConfigMap")
		if err := o.Rollout.Cluster.Delete(ctx, obj); err != nil && !kube.Stale(err) {
			return deleted, others, err
		}
		deleted++
	}
	return deleted, others, nil
}

// needed are the names of the ConfigMaps that may still be read.
func (o *Options) needed(ctx context.Context) (map[string]bool, error) {
	records, err := o.Ledger.Releases(ctx)
	if err != nil {
		return nil, err // of a damaged one nobody knows what it needs
	}
	names := map[string]bool{}
	for _, r := range records {
		for _, t := range r.Objects {
			for _, f := range []*ledger.Facts{t.Before, t.After} {
				if f == nil {
					continue
				}
				for _, read := range f.Reads {
					names[path.Base(read)] = true
				}
			}
		}
	}
	objects, err := o.runningNow(ctx)
	for _, obj := range append(objects, o.Rollout.Objects...) {
		names[obj.GetName()] = true
		for _, r := range kube.References(obj) {
			names[r.Name] = true
		}
	}
	return names, err
}

// readers are the kinds whose pods may read configuration, also where no manifest
// has the object any more.
var readers = map[string]schema.GroupVersionResource{
	"Deployment": kube.Deployments, "StatefulSet": kube.StatefulSets, "DaemonSet": kube.DaemonSets, "Job": kube.Jobs, "CronJob": kube.CronJobs, "Pod": kube.Pods,
}

func (o *Options) runningNow(ctx context.Context) (all []*kube.Object, err error) {
	for kind, resource := range readers {
		found, err := kube.List[unstructured.Unstructured](ctx, o.Rollout.Cluster, resource, o.Rollout.Namespace, "", "")
		if kube.Refused(err) && kind == "CronJob" {
			continue // who may not look at these has released none
		}
		if err != nil {
			return nil, err
		}
		for _, obj := range found {
			obj.SetKind(kind)
		}
		all = append(all, found...)
	}
	return all, nil
}
