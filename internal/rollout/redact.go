package rollout

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
)

// heldFor is how long it is taken for granted what the pods' Secrets hold.
const heldFor = 5 * time.Second

// RedactHeld also takes out of texts what is in the Secrets that pods of a namespace
// are given, as far as this account may read them. They are read once there is a
// text to redact: a release in which nothing fails asks for none.
func RedactHeld(ctx context.Context, c *kube.Cluster, namespace string, redact func(string) string) func(string) string {
	h := &heldSecrets{cluster: c, namespace: namespace, known: map[string]bool{}, hide: func(text string) string { return text }}
	return func(text string) string {
		if text == "" {
			return text
		}
		// First what is held: a shorter secret may be a part of it.
		text = h.current(ctx)(text)
		if redact != nil {
			text = redact(text)
		}
		return text
	}
}

// heldSecrets are the values that the pods' Secrets hold or held since.
type heldSecrets struct {
	cluster   *kube.Cluster
	namespace string

	mu    sync.Mutex
	read  time.Time
	known map[string]bool
	hide  func(string) string
}

func (h *heldSecrets) current(ctx context.Context) func(string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.read) < heldFor {
		return h.hide
	}
	h.read = time.Now()
	// A run that was cancelled has something to say, and no secret to tell; but it is
	// killed soon, and the API server may be what is away.
	patience, cancelled := time.Second, ctx.Err() != nil
	if cancelled {
		patience = 250 * time.Millisecond
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer stop()
	before := len(h.known)
	var reading sync.Mutex
	inParallel(slices.Collect(maps.Keys(h.given(ctx))), func(_ int, name string) {
		secret, err := kube.GetOne[corev1.Secret](ctx, h.cluster, kube.Secrets, h.namespace, name)
		if err != nil || secret == nil {
			return
		}
		reading.Lock()
		defer reading.Unlock()
		for _, value := range platform.HeldSecrets(secret.Data) {
			h.known[value] = true
		}
	})
	if ctx.Err() != nil && !cancelled {
		h.read = time.Now().Add(time.Second - heldFor) // not all were read in time: ask again soon
	}
	if len(h.known) > before {
		var values []string
		for value := range h.known {
			values = append(values, value)
		}
		h.hide = platform.Redactor(values)
	}
	return h.hide
}

// given are the names of the Secrets that the workloads of the namespace refer to, and
// the pods that nobody else makes.
func (h *heldSecrets) given(ctx context.Context) map[string]bool {
	names := map[string]bool{}
	var mu sync.Mutex
	resources := []schema.GroupVersionResource{kube.Deployments, kube.StatefulSets, kube.DaemonSets, kube.Jobs, kube.CronJobs, kube.Pods}
	inParallel(resources, func(_ int, resource schema.GroupVersionResource) {
		live, err := kube.List[unstructured.Unstructured](ctx, h.cluster, resource, h.namespace, "", "")
		if err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, obj := range live {
			for _, name := range kube.SecretsGiven(obj) {
				names[name] = true
			}
		}
	})
	return names
}
