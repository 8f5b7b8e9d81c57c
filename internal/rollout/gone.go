package rollout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/internal/kube"
)

// Gone waits until nothing of what changes made is left, neither an object nor a
// pod of one, and returns what is kept because it may hold data, or is somebody else's.
func Gone(ctx context.Context, o Options, changes []Change) (kept []string, err error) {
	r := newRun(o)
	ctx, stop := context.WithTimeout(ctx, r.Deadline)
	defer stop()
	made := map[string]bool{} // what pods belong to, as kind/name
	for _, c := range changes {
		if c.Before != nil {
			continue
		}
		live, err := r.Cluster.Read(ctx, c.Object)
		if err != nil {
			return kept, err
		}
		if live != nil && (stays(live) || r.anothers(live) != "" || madeByOthers(c, live)) {
			kept = append(kept, kube.ID(live))
			continue
		}
		if c.Object.GetNamespace() == r.Namespace {
			made[c.Object.GetKind()+"/"+c.Object.GetName()] = true
		}
		if err := r.vanished(ctx, c.Object); err != nil {
			return kept, err
		}
	}
	return kept, r.podless(ctx, made)
}

// vanished waits until an object does not exist any more: its finalizers may take a
// while. Few have any, so that no watch is worth it.
func (r *run) vanished(ctx context.Context, obj *kube.Object) error {
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	for {
		live, err := r.Cluster.Read(ctx, obj)
		switch {
		case err != nil || live == nil:
			return err
		case live.GetDeletionTimestamp() == nil:
			return fmt.Errorf("%s is there again: somebody made it anew", kube.ID(live))
		}
		select {
		case <-beat.C:
		case <-ctx.Done():
			return fmt.Errorf("%s is still there, and waits for its finalizers: %s", kube.ID(live), strings.Join(live.GetFinalizers(), ", "))
		}
	}
}

// podless waits until no pod belongs to what was made.
func (r *run) podless(ctx context.Context, made map[string]bool) error {
	var changed bell
	pods, err := kube.Follow[corev1.Pod](ctx, r.Cluster, kube.Pods, r.Namespace, changed.ring)
	if err != nil {
		return err
	}
	start := time.Now()
	for {
		rung := changed.next()
		var left []string
		for _, pod := range pods.List() {
			if made[maker(pod)] {
				left = append(left, pod.Name)
			}
		}
		if len(left) == 0 {
			return pods.Err()
		}
		select {
		case <-rung:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("pods are left after %s: %s", time.Since(start).Round(time.Second), strings.Join(left, ", "))
			}
			return context.Cause(ctx)
		}
	}
}

// maker is the workload that a pod belongs to, as kind/name. Of a ReplicaSet it is
// the Deployment that it is named after.
func maker(pod *corev1.Pod) string {
	owner := metav1.GetControllerOf(pod)
	switch {
	case owner == nil:
		return "Pod/" + pod.Name
	case owner.Kind == "ReplicaSet":
		return deploymentKind + "/" + strings.TrimSuffix(owner.Name, "-"+pod.Labels["pod-template-hash"])
	}
	return owner.Kind + "/" + owner.Name
}
