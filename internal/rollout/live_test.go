package rollout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/testenv/testenv"
)

// Several of a kind are read at once by who may list them, and one by one by who
// may not.
func TestLiveObjects(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	var apps []app
	for _, name := range []string{"gateway", "profile", "cockpit"} {
		apps = append(apps, version(name, "1"))
	}
	objects := s.options(apps...).Objects
	for _, obj := range objects {
		if obj.GetKind() == "Service" && obj.GetName() != "cockpit" {
			if _, err := s.cluster.Apply(t.Context(), obj, kube.ApplyOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	account := kubetest.Account(t, s.namespace, "getter")
	testenv.Kubectl(t, "-n", s.namespace, "create", "role", "getter", "--verb=get", "--resource=services,configmaps,deployments.apps")
	testenv.Kubectl(t, "-n", s.namespace, "create", "rolebinding", "getter", "--role=getter", "--serviceaccount="+s.namespace+":getter")
	for late := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, err := account.Read(t.Context(), objects[0]); err == nil {
			break // nobody tells when a role binding is in effect
		} else if time.Now().After(late) {
			t.Fatal(err)
		}
	}
	for name, cluster := range map[string]*kube.Cluster{"lists": s.cluster, "gets": account} {
		now := newLive(t.Context(), cluster, objects)
		for _, obj := range objects {
			found, err := now.read(t.Context(), obj)
			there := obj.GetKind() == "Service" && obj.GetName() != "cockpit"
			if err != nil || (found != nil) != there {
				t.Errorf("%s %s: %v, %v", name, kube.ID(obj), found, err)
			}
			if found != nil && (kube.ID(found) != kube.ID(obj) || found.GetAPIVersion() != "v1" || found.GetResourceVersion() == "") {
				t.Errorf("%s: %s %s", name, found.GetAPIVersion(), kube.ID(found))
			}
		}
	}
}

// What was read before the first write may have moved on when its turn comes: a
// status is nobody's edit, a person's change is, and what is gone is made again.
func TestWriteOverWhatMovedOn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		meanwhile func(s *scene)
		manager   string // who edited it
		want      string
	}{
		"status": {func(s *scene) {
			testenv.Kubectl(s.t, "-n", s.namespace, "patch", "deployment", "gateway", "--subresource=status", "--type=merge", "--patch", `{"status": {"collisionCount": 1}}`)
		}, "", "2 1/1"},
		"edit": {func(s *scene) {
			testenv.Kubectl(s.t, "-n", s.namespace, "patch", "deployment", "gateway", "--type=merge", "--patch", `{"spec": {"template": {"metadata": {"annotations": {"who": "mara"}}}}}`)
		}, "kubectl-patch", ""},
		"removed": {func(s *scene) {
			testenv.Kubectl(s.t, "-n", s.namespace, "set", "env", "deployment/gateway", "VERSION-")
		}, "somebody", ""},
		"annotation": {func(s *scene) {
			testenv.Kubectl(s.t, "-n", s.namespace, "annotate", "deployment", "gateway", "who=mara")
		}, "", "2 1/1"},
		"restart": {func(s *scene) {
			testenv.Kubectl(s.t, "-n", s.namespace, "rollout", "restart", "deployment", "gateway")
		}, "", "2 1/1"},
		// Its owner too is somebody else from then on.
		"conflict": {func(s *scene) {
			testenv.Kubectl(s.t, "-n", s.namespace, "set", "env", "deployment/gateway", "VERSION=3")
		}, "kubectl-set", ""},
		// The number of pods that somebody chose meanwhile stays.
		"scaled": {func(s *scene) {
			testenv.Kubectl(s.t, "-n", s.namespace, "scale", "deployment/gateway", "--replicas=2")
		}, "", "2 2/2"},
		"deleted": {func(s *scene) { testenv.Kubectl(s.t, "-n", s.namespace, "delete", "deployment", "gateway") }, "", "2 1/1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			first := version("gateway", "1")
			first.Replicas = 1
			s.deploy(first)
			second := version("gateway", "2")
			second.Replicas = first.Replicas
			o := s.options(second)
			done := false
			o.Guard = func(_ context.Context, live *kube.Object) error {
				if live != nil && live.GetKind() == deploymentKind && !done {
					done = true
					tt.meanwhile(s)
				}
				return nil
			}
			_, err := Deploy(t.Context(), o)
			var edited *EditedError
			switch errors.As(err, &edited); {
			case tt.manager == "" && err != nil:
				t.Error(err)
			case tt.manager == "" && s.versions()["gateway"] != tt.want:
				t.Error(s.versions())
			case tt.manager != "" && (edited == nil || edited.Manager != tt.manager):
				t.Errorf("%v", err)
			}
		})
	}
}

// What a person makes between the look and the write is neither overwritten nor, when
// the release goes back, deleted; also where an attempt that died had meant to make it.
func TestMadeMeanwhile(t *testing.T) {
	t.Parallel()
	for _, resumed := range []bool{false, true} {
		t.Run(fmt.Sprintf("resumed %t", resumed), func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			o := Options{Cluster: s.cluster, Namespace: s.namespace, Deadline: time.Minute}
			o.Objects = s.objects("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: red}\n")
			byHand := func() {
				testenv.Kubectl(t, "-n", s.namespace, "create", "configmap", "settings", "--from-literal=size=large")
			}
			if resumed {
				byHand()
				o.Earlier = []Change{{Object: named(o.Objects[0])}}
			}
			done := resumed
			o.Guard = func(_ context.Context, live *kube.Object) error {
				if live == nil && !done {
					done = true
					byHand()
				}
				return nil
			}
			_, err := Deploy(t.Context(), o)
			var edited *EditedError
			if !errors.As(err, &edited) || edited.Manager != "kubectl-create" || !strings.Contains(err.Error(), "was made by kubectl-create") {
				t.Errorf("%v", err)
			}
			if data := s.configMap("settings"); len(data) != 1 || data["size"] != "large" {
				t.Errorf("it is %v", data)
			}
		})
	}
}

// A step's end waits for the next beginning only where nothing is waited for in between.
func TestFollowedAtOnce(t *testing.T) {
	r := newRun(Options{Services: []Service{
		{Name: "one"}, {Name: "two"}, {Name: "unchanged"}, {Name: "three"}, {Name: "a", Group: 1}, {Name: "b", Group: 1}, {Name: "last"},
	}})
	obj := &kube.Object{Object: map[string]any{"kind": deploymentKind}}
	workloads := map[string]Difference{}
	for _, s := range r.Services {
		workloads[s.Name] = Difference{Object: obj, Service: s.Name, Changed: s.Name != "unchanged" && s.Name != "a"}
	}
	if err := r.announce(t.Context(), nil, workloads); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{
		Configuration: true, "one": true, "two": false, "unchanged": true, "three": true, "last": true, Verification: true,
	}
	if fmt.Sprint(r.followed) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", r.followed, want)
	}
}

func TestOnlyPodOfAService(t *testing.T) {
	pod := func(name, label string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": label}}}
	}
	going := pod("old", "web")
	going.DeletionTimestamp = &metav1.Time{}
	web := &corev1.Service{Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}}}
	one := pod("one", "web")
	for name, tt := range map[string]struct {
		service *corev1.Service
		pod     *corev1.Pod
		others  []*corev1.Pod
		want    bool
	}{
		"alone":                {web, one, []*corev1.Pod{pod("x", "other")}, true},
		"beside one that goes": {web, one, []*corev1.Pod{going}, true},
		"one of two":           {web, one, []*corev1.Pod{pod("two", "web")}, false},
		"not behind it":        {web, pod("x", "other"), nil, false},
		"another is":           {web, pod("x", "other"), []*corev1.Pod{one}, false},
		"no Service":           {nil, one, nil, false},
		"no selector":          {&corev1.Service{}, one, nil, false},
	} {
		if got := only(tt.service, tt.pod, append(tt.others, tt.pod)); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
