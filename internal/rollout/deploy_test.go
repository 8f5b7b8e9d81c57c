package rollout

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

func TestDeployInOrderAndOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.deploy(version("gateway", "1"), version("profile", "1"), version("cockpit", "1"))
	for i, out := range first.Services {
		if !out.Healthy || !out.Changed || out.Order != i+1 || out.Pods != 1 || out.Seconds <= 0 {
			t.Errorf("first release: %+v", out)
		}
	}
	var healthy []string
	for _, p := range s.progress {
		if p.Phase == Healthy {
			healthy = append(healthy, p.Service)
		}
	}
	if got := strings.Join(healthy, " "); got != "gateway profile cockpit" {
		t.Errorf("healthy in order: %s", got)
	}

	second := s.deploy(version("gateway", "1"), version("profile", "2"), version("cockpit", "1"))
	for _, out := range second.Services {
		if out.Changed != (out.Name == "profile") || !out.Healthy {
			t.Errorf("second release: %+v", out)
		}
	}
	for _, out := range second.Objects {
		if want := map[bool]string{true: "changed", false: "unchanged"}[strings.HasSuffix(out.ID, "profile-config")]; out.Action != want {
			t.Errorf("second release: %s %s, want %s", out.ID, out.Action, want)
		}
	}
}

// Every failure proves the undo: old release, broken one, old release again,
// and then one that works, since what was taken back must not be in its way.
func TestDeployTakesBack(t *testing.T) {
	tests := []struct {
		name    string
		broken  app
		reason  string
		log     string
		service bool          // its pods are well, and nobody would reach them
		within  time.Duration // for what only the deadline tells; the way back has as long
	}{
		{name: "exits at start", broken: version("profile", "2").with("EXIT", "no database"), reason: "code 3", log: "cannot start: no database"},
		{name: "answers 500", broken: version("profile", "2").with("HEALTH", "500"), reason: "500 Internal Server Error"},
		{name: "never ready", broken: version("profile", "2").with("UNREADY", "1"), reason: "readiness probe does not pass", within: 30 * time.Second},
		{name: "no such image", broken: func() app { a := version("profile", "2"); a.Image = "node:no-such-tag"; return a }(), reason: "was not found"},
		{name: "no such secret", broken: func() app { a := version("profile", "2"); a.Secret = "absent"; return a }(), reason: `secret "absent" not found, 3s after the change`},
		{name: "a Service for another port", broken: func() app { a := version("profile", "2"); a.Target = "9090"; return a }(), reason: "none of the ports of Service profile leads to port 8080", service: true},
		{name: "a Service for other pods", broken: func() app { a := version("profile", "2"); a.Selects = "nobody"; return a }(), reason: "Service profile does not answer /health: ", service: true, within: 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.deploy(version("gateway", "1"), version("profile", "1"), version("cockpit", "1"))
			before := s.versions()

			o := s.options(version("gateway", "2"), tt.broken, version("cockpit", "2"))
			o.Missing = 3 * time.Second
			if tt.within > 0 {
				o.Deadline = tt.within
			}
			result, err := Deploy(t.Context(), o)
			var failure *Failure
			if !errors.As(err, &failure) {
				t.Fatalf("err = %v, want a failure", err)
			}
			t.Logf("%shint: %s", failure.String(), failure.Hint())
			// By a sign that waiting cannot help, and not by the deadline.
			if late := strings.HasPrefix(failure.Reason, "not healthy"); late != (tt.within > 0 && !tt.service) {
				t.Errorf("late: %t, %s", late, failure.Reason)
			}
			if failure.Service != "profile" || !strings.Contains(failure.Reason, tt.reason) || (failure.Pod == "") != tt.service || !strings.Contains(failure.Command, failure.Pod) {
				t.Errorf("failure = %+v", failure)
			}
			if !strings.Contains(strings.Join(failure.Logs, "\n"), tt.log) {
				t.Errorf("logs = %q", failure.Logs)
			}
			if result.Services[0].Healthy != true || result.Services[2].Healthy || result.Services[1].Healthy {
				t.Errorf("services = %+v", result.Services)
			}
			assertUndone(t, result, "gateway-config", "cockpit-config", "profile", "gateway")
			if now := s.versions(); !reflect.DeepEqual(now, before) {
				t.Errorf("after the undo %v, before %v", now, before)
			}
			if data := s.configMap("gateway-config"); data["VERSION"] != "1" {
				t.Errorf("configuration after the undo: %v", data)
			}
			s.deploy(version("gateway", "3"), version("profile", "3"), version("cockpit", "3"))
		})
	}
}

// assertUndone checks that these, among others, were taken back in this order.
func assertUndone(t *testing.T, result *Result, names ...string) {
	t.Helper()
	var got []string
	for _, u := range result.Undone {
		if !u.Verified || u.Error != "" {
			t.Errorf("not verified: %+v", u)
		}
		got = append(got, u.ID[strings.LastIndex(u.ID, "/")+1:])
	}
	for _, name := range names {
		if !contains(got, name) {
			t.Errorf("%s was not taken back: %v", name, got)
		}
	}
	if g, p := strings.Index(strings.Join(got, " ")+" ", " gateway "), strings.Index(strings.Join(got, " ")+" ", " profile "); g < p {
		t.Errorf("not in reverse order: %v", got)
	}
}

func TestDeployFirstReleaseLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	result, err := Deploy(t.Context(), s.options(version("gateway", "1"), version("profile", "1").with("EXIT", "boom")))
	if err == nil {
		t.Fatal("no error")
	}
	for _, u := range result.Undone {
		if u.Action != "deleted" || !u.Verified {
			t.Errorf("%+v", u)
		}
	}
	if now := s.versions(); len(now) != 0 {
		t.Errorf("left: %v", now)
	}
	if s.configMap("gateway-config") != nil {
		t.Error("the configuration is still there")
	}
}

func TestDeployCancelled(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.deploy(version("gateway", "1"), version("profile", "1"))
	before := s.versions()
	o := s.options(version("gateway", "2"), version("profile", "2").with("UNREADY", "1"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Progress = func(p Progress) {
		if p.Service == "profile" && p.Phase == Waiting {
			cancel()
		}
	}
	result, err := Deploy(ctx, o)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v", err)
	}
	assertUndone(t, result, "gateway", "profile")
	if now := s.versions(); !reflect.DeepEqual(now, before) {
		t.Errorf("after the undo %v, before %v", now, before)
	}
}

func TestDeployVerifyFails(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.deploy(version("gateway", "1"))
	o := s.options(version("gateway", "2"))
	broken := errors.New("flow sign-up: it answered 500")
	o.Verify = func(context.Context) error { return broken }
	result, err := Deploy(t.Context(), o)
	if !errors.Is(err, broken) || result.Failure == nil || result.Failure.Reason != broken.Error() {
		t.Fatalf("err = %v, failure = %+v", err, result.Failure)
	}
	if now := s.versions()["gateway"]; now != "1 1/1" {
		t.Errorf("after the undo: %s", now)
	}
}

// What can be known before the first write must stop a release before it.
func TestDeployRefusedBeforeTheFirstWrite(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.deploy(version("gateway", "1"), version("profile", "1"))
	before := s.versions()

	t.Run("misspelt field", func(t *testing.T) {
		o := s.options(version("gateway", "2"), version("profile", "2"))
		for _, obj := range o.Objects {
			if obj.GetKind() == "Deployment" && obj.GetName() == "profile" {
				obj.Object["spec"].(map[string]any)["replcas"] = int64(2)
			}
		}
		_, err := Deploy(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), "Deployment/"+s.namespace+"/profile") || !strings.Contains(err.Error(), "replcas") {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("no Deployment of that name", func(t *testing.T) {
		o := s.options(version("gateway", "2"))
		o.Services = append(o.Services, Service{Name: "absent"})
		_, err := Deploy(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), "absent") {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("another image", func(t *testing.T) {
		o := s.options(version("gateway", "2"))
		o.Services[0].Image = "teei/gateway@sha256:0"
		_, err := Deploy(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), "runs node:22-bookworm-slim") {
			t.Errorf("err = %v", err)
		}
	})
	if now := s.versions(); !reflect.DeepEqual(now, before) {
		t.Errorf("now %v, before %v", now, before)
	}
	pods, err := kube.List[corev1.Pod](t.Context(), s.cluster, kube.Pods, s.namespace, "", "")
	if err != nil || len(pods) != 2 {
		t.Errorf("%d pods, %v", len(pods), err)
	}
}
