package rollout

import (
	"errors"
	"strings"
	"testing"

	"github.com/teei/slipway/testenv/testenv"
)

// others do to the Deployment of gateway what clouds, policies, reloaders and people
// do in a cluster that is not ours alone.
func (s *scene) others() {
	s.t.Helper()
	for _, command := range []string{
		"annotate deployment gateway cloud.example.com/neg=x",
		"label deployment gateway cattle.io/creator=norman",
		"set env deployment/gateway STAKATER_GATEWAY_CONFIG_CONFIGMAP=9f",
		"rollout restart deployment/gateway",
		"annotate configmap gateway-config policies.kyverno.io/seen=1",
		"annotate service gateway cloud.example.com/neg=x",
	} {
		testenv.Kubectl(s.t, append([]string{"-n", s.namespace}, strings.Fields(command)...)...)
	}
}

// TestOthersWriteAfterItsTurn: what others write on an object that this release has
// changed is not in the way back, and survives it.
func TestOthersWriteAfterItsTurn(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.deploy(version("gateway", "1"), version("profile", "1"))
	o := s.options(version("gateway", "2"), version("profile", "2").with("EXIT", "boom"))
	tell, done := o.Progress, false
	o.Progress = func(p Progress) {
		tell(p)
		if p.Service == "gateway" && p.Phase == Healthy && !done {
			done = true
			s.others()
		}
	}
	result, err := Deploy(t.Context(), o)
	var failure *Failure
	if !errors.As(err, &failure) || failure.Service != "profile" {
		t.Fatalf("%v", err)
	}
	assertUndone(t, result, "gateway-config", "profile", "gateway")
	if now := s.versions()["gateway"]; now != "1 1/1" {
		t.Errorf("after the undo: %s", now)
	}
	if got := testenv.Kubectl(t, "-n", s.namespace, "get", "deployment", "gateway", "-o", `jsonpath={.metadata.annotations.cloud\.example\.com/neg} {.metadata.labels.cattle\.io/creator} {.spec.template.spec.containers[0].env[?(@.name=="STAKATER_GATEWAY_CONFIG_CONFIGMAP")].value}`); got != "x norman 9f" {
		t.Errorf("of others is left: %q", got)
	}
	s.deploy(version("gateway", "3"), version("profile", "3"))
}

// TestReloaderAnswersToThisRelease: the reloader restarts the pods of a service right
// after this release has written its configuration, and before its turn.
func TestReloaderAnswersToThisRelease(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.deploy(version("gateway", "1"), version("profile", "1"))
	o := s.options(version("gateway", "2"), version("profile", "2"))
	tell, done := o.Progress, false
	o.Progress = func(p Progress) {
		tell(p)
		if strings.HasSuffix(p.Service, "/gateway-config") && p.Phase == Applying && !done {
			done = true
			s.others()
		}
	}
	if _, err := Deploy(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if now := s.versions(); now["gateway"] != "2 1/1" || now["profile"] != "2 1/1" {
		t.Errorf("%v", now)
	}
}

// TestPausedByHand: a paused Deployment is refused before the first write, and found
// where it is paused later; nothing is stuck for it.
func TestPausedByHand(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.deploy(version("gateway", "1"), version("profile", "1"))
	testenv.Kubectl(t, "-n", s.namespace, "rollout", "pause", "deployment/profile")
	result, err := Deploy(t.Context(), s.options(version("gateway", "2"), version("profile", "2")))
	var halted *HaltedError
	if !errors.As(err, &halted) || !strings.Contains(halted.Hint(), "kubectl -n "+s.namespace+" rollout resume deployment/profile") {
		t.Fatalf("%v", err)
	}
	if len(result.Undone) > 0 || s.versions()["gateway"] != "1 1/1" {
		t.Errorf("something was written: %+v, %v", result.Undone, s.versions())
	}
	// One that this release does not change may stay so.
	s.deploy(version("gateway", "2"), version("profile", "1"))
	testenv.Kubectl(t, "-n", s.namespace, "rollout", "resume", "deployment/profile")

	o := s.options(version("gateway", "3"), version("profile", "3"))
	tell, done := o.Progress, false
	o.Progress = func(p Progress) {
		tell(p)
		if p.Service == "gateway" && p.Phase == Healthy && !done {
			done = true
			testenv.Kubectl(t, "-n", s.namespace, "rollout", "pause", "deployment/profile")
		}
	}
	result, err = Deploy(t.Context(), o)
	if !errors.As(err, &halted) {
		t.Fatalf("%v", err)
	}
	assertUndone(t, result, "gateway", "profile-config")
	if now := s.versions(); now["gateway"] != "2 1/1" || now["profile"] != "1 1/1" {
		t.Errorf("%v", now)
	}
}
