package rollout

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

// TestSettle: what ends or says something critical right after it was healthy
// is taken back; what stays is only released once it has settled.
func TestSettle(t *testing.T) {
	t.Parallel()
	critical := func(line string) bool { return strings.Contains(line, "disaster") }
	for _, tt := range []struct {
		name   string
		env    map[string]string
		settle time.Duration
		want   string // reason; "" if it is released
	}{
		{"ends", map[string]string{"VERSION": "new", "EXIT_AFTER": "4000"}, 30 * time.Second, "container app ended after it was healthy"},
		{"says something critical", map[string]string{"VERSION": "new", "LOG": "a disaster"}, 0, "container app logs a critical line: a disaster"},
		// The line stands behind 2 MB of others, one of which is long: all are looked at.
		{"says it late", map[string]string{"VERSION": "new", "LOG": "a disaster", "NOISE": "2000000"}, 0, "container app logs a critical line: a disaster"},
		{"stays", map[string]string{"VERSION": "new", "LOG": "all is well"}, 3 * time.Second, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.deploy(app{Name: "one", Env: map[string]string{"VERSION": "old"}})
			o := s.options(app{Name: "one", Env: tt.env})
			o.Settle, o.Critical = tt.settle, critical
			start := time.Now()
			result, err := Deploy(t.Context(), o)
			switch version := s.versions()["one"]; {
			case tt.want == "" && (err != nil || version != "new 1/1" || time.Since(start) < tt.settle):
				t.Errorf("after %s: %v, %s", time.Since(start), err, version)
			case tt.want != "" && (result.Failure == nil || result.Failure.Reason != tt.want || version != "old 1/1"):
				t.Errorf("%v, %+v, %s", err, result.Failure, version)
			}
			// An unchanged service did nothing that has to settle.
			if tt.want == "" {
				again := s.options(app{Name: "one", Env: tt.env})
				again.Settle, again.Deadline = time.Hour, 2*time.Hour
				if _, err := Deploy(t.Context(), again); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A service that is long healthy when it ends takes the release with it, though
// it runs again by then: here while all of it is verified.
func TestEndsLater(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.deploy(app{Name: "one", Env: map[string]string{"VERSION": "old"}}, version("two", "1"))
	o := s.options(app{Name: "one", Env: map[string]string{"VERSION": "new", "EXIT_AFTER": "4000"}}, version("two", "2"))
	o.Verify = func(ctx context.Context) error {
		changed := make(chan struct{}, 1)
		pods, err := kube.Follow[corev1.Pod](ctx, s.cluster, kube.Pods, s.namespace, func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
		again := func(p *corev1.Pod) bool {
			return p.Labels["app"] == "one" && len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].RestartCount > 0
		}
		for err == nil && !slices.ContainsFunc(pods.List(), again) {
			select {
			case <-changed:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		return err
	}
	result, err := Deploy(t.Context(), o)
	if result.Failure == nil || result.Failure.Service != "one" || result.Failure.Reason != "container app ended after it was healthy" {
		t.Errorf("%v, %+v", err, result.Failure)
	}
	if versions := s.versions(); versions["one"] != "old 1/1" || versions["two"] != "1 1/1" {
		t.Errorf("afterwards %v", versions)
	}
}
