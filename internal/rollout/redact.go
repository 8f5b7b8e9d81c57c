package rollout

import (
	"context"
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
	// A run that was cancelled has something to say, and no secret to tell.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer stop()
	more := false
	for name := range h.given(ctx) {
		secret, err := kube.GetOne[corev1.Secret](ctx, h.cluster, kube.Secrets, h.namespace, name)
		if err != nil || secret == nil {
			continue
		}
		for _, value := range platform.HeldSecrets(secret.Data) {
			more = more || !h.known[value]
			h.known[value] = true
		}
	}
	if more {
		var values []string
		for value := range h.known {
			values = append(values, value)
		}
		h.hide = platform.Redactor(values)
	}
	return h.hide
}

// given are the names of the Secrets that the workloads of the namespace refer to.
func (h *heldSecrets) given(ctx context.Context) map[string]bool {
	names := map[string]bool{}
	for _, resource := range []schema.GroupVersionResource{kube.Deployments, kube.StatefulSets, kube.DaemonSets} {
		live, err := kube.List[unstructured.Unstructured](ctx, h.cluster, resource, h.namespace, "", "")
		if err != nil {
			continue
		}
		for _, obj := range live {
			for _, name := range kube.SecretsGiven(obj) {
				names[name] = true
			}
		}
	}
	return names
}
