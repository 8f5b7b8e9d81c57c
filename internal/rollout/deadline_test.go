package rollout

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
)

// A deadline that nothing could meet is refused before the first write, naming
// what it is held against.
func TestShortDeadline(t *testing.T) {
	workload := func(name string, ready int64) *kube.Object {
		return &kube.Object{Object: map[string]any{
			"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": name, "namespace": "shop"},
			"spec": map[string]any{"minReadySeconds": ready},
		}}
	}
	for _, tt := range []struct {
		name                  string
		all, own, settle      time.Duration
		ready, readyElsewhere int64
		want                  string
	}{
		{"long enough", time.Minute, 0, 10 * time.Second, 50, 60, ""},
		{"too short", time.Minute, 0, 10 * time.Second, 51, 0,
			"release Deployment/shop/web: its deadline of 1m0s is shorter than what it has to stay available, minReadySeconds (51s) and verify.settle (10s)"},
		{"its own is long enough", time.Minute, 2 * time.Minute, 10 * time.Second, 51, 0, ""},
		{"its own is too short", time.Minute, 5 * time.Second, 10 * time.Second, 0, 0,
			"release Deployment/shop/web: its deadline of 5s is shorter than what it has to stay available, minReadySeconds (0s) and verify.settle (10s)"},
		{"of what is no service", time.Minute, 0, 10 * time.Second, 0, 61,
			"release Deployment/shop/cache: its deadline of 1m0s is shorter than what it has to stay available, minReadySeconds (1m1s) and verify.settle (0s)"},
		{"nobody said one", 0, 0, 10 * time.Second, 600, 0, ""},
	} {
		o := Options{Namespace: "shop", Deadline: tt.all, Settle: tt.settle, Services: []Service{{Name: "web", Deadline: tt.own}},
			Objects: []*kube.Object{workload("web", tt.ready), workload("cache", tt.readyElsewhere)}}
		err := o.check()
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want || err != nil && !errors.As(err, new(*ShortDeadlineError)) {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}

// What goes back has as long as it had then, or has now.
func TestDeadlineBack(t *testing.T) {
	r := newRun(Options{Deadline: time.Minute, Services: []Service{{Name: "web", Deadline: 5 * time.Minute}, {Name: "api"}}})
	for _, tt := range []struct {
		was  Service
		want time.Duration
	}{
		{Service{Name: "web"}, 5 * time.Minute}, {Service{Name: "web", Deadline: 9 * time.Minute}, 9 * time.Minute},
		{Service{Name: "api"}, time.Minute}, {Service{Name: "api", Deadline: 10 * time.Second}, time.Minute}, {Service{Name: "gone", Deadline: 2 * time.Minute}, 2 * time.Minute},
	} {
		if got := r.deadlineBack(tt.was); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.was, got, tt.want)
		}
	}
}

// Each service is waited for as long as its own deadline says.
func TestDeployTakesTheServicesDeadline(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.options(version("gateway", "1").with("UNREADY", "1"))
	o.Services[0].Deadline = 6 * time.Second
	result, err := Deploy(t.Context(), o)
	if result.Failure == nil || !strings.HasPrefix(result.Failure.Reason, "not healthy 6s after the change: 0 of 1 new pods are ready: ") {
		t.Errorf("%v", err)
	}
}
