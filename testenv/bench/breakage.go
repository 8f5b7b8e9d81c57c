package main

import (
	"context"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
)

// A breakage is a way to break a service, and the sign that decides it.
type breakage struct {
	sign     string
	change   func(container map[string]any)
	decides  func(corev1.ContainerStatus) bool // what somebody else sees in the API
	deadline time.Duration                     // the sign is this one's end; 0 for another sign
	asked    int                               // the sign is that its new pod is asked so many times; 0 for another sign
}

var breakages = []breakage{
	{sign: "second exit", change: fault("exit"), decides: exitedTwice},
	{sign: "image not found", change: func(c map[string]any) {
		c["image"] = strings.TrimRight(c["image"].(string), "0123456789abcdef") + strings.Repeat("0", 64)
	}, decides: notFound},
	{sign: "not ready until its deadline", change: fault("never-ready"), decides: nothing, deadline: 10 * time.Second},
	{sign: "third answer of 500", change: fault("health-500"), decides: nothing, asked: 3},
}

func fault(value string) func(map[string]any) {
	return func(c map[string]any) { c["env"] = []any{map[string]any{"name": "FAULT", "value": value}} }
}

func nothing(corev1.ContainerStatus) bool { return false }

func exitedTwice(c corev1.ContainerStatus) bool {
	exits := c.RestartCount
	if c.State.Terminated != nil {
		exits++
	}
	return exits >= 2 || c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff"
}

func notFound(c corev1.ContainerStatus) bool {
	w := c.State.Waiting
	return w != nil && strings.HasSuffix(w.Reason, "Pull") && strings.Contains(w.Message, "not found") || w != nil && w.Reason == "ImagePullBackOff"
}

// broken are the objects of a release whose sixth service is broken.
func (s *stage) broken(side string, b breakage) ([]*kube.Object, error) {
	objects, err := s.changed(side)
	if err != nil {
		return nil, err
	}
	for _, obj := range objects {
		if obj.GetKind() != "Deployment" || obj.GetName() != s.services[5].Name {
			continue
		}
		containers, _, _ := unstructured.NestedSlice(obj.Object, "spec", "template", "spec", "containers")
		b.change(containers[0].(map[string]any))
		if err := unstructured.SetNestedSlice(obj.Object, containers, "spec", "template", "spec", "containers"); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// watchFor watches the pods of a service for the sign that decides.
func (s *stage) watchFor(ctx context.Context, service string, decides func(corev1.ContainerStatus) bool) (at func() time.Time, stop func(), err error) {
	var mu sync.Mutex
	var seen time.Time
	var pods *kube.Mirror[corev1.Pod]
	ready := make(chan struct{})
	ctx, stop = context.WithCancel(ctx)
	pods, err = kube.Follow[corev1.Pod](ctx, s.cluster, kube.Pods, s.namespace, func() {
		<-ready
		mu.Lock()
		defer mu.Unlock()
		for _, pod := range pods.List() {
			for _, c := range pod.Status.ContainerStatuses {
				if c.Name == service && seen.IsZero() && decides(c) {
					seen = time.Now()
				}
			}
		}
	})
	close(ready)
	return func() time.Time { mu.Lock(); defer mu.Unlock(); return seen }, stop, err
}
