package rollout

import (
	"errors"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/testenv/testenv"
)

// A workload that is being deleted fails at once, however healthy it still is; one
// of another UID is not ours.
func TestAssessWhatIsDeleted(t *testing.T) {
	s := newWorld()
	s.converged()
	s.deployment.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	s.deployment.Finalizers = []string{"example.com/keep"}
	if v := s.assess(); v.done || v.failure == nil || v.failure.reason != "its Deployment is being deleted, and kept by its finalizers: example.com/keep" {
		t.Errorf("%+v", v)
	}
	s = newWorld()
	s.converged()
	v := assess(state{workload: deployment{s.deployment, s.sets}, pods: s.pods, uid: "another"})
	if v.done || !v.absent {
		t.Errorf("of another UID: %+v", v)
	}
	// Jobs may be deleted by themselves once they are done.
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{UID: "w", DeletionTimestamp: &metav1.Time{Time: time.Unix(1, 0)}}}
	if v := assess(state{workload: job{j}}); v.failure == nil {
		t.Errorf("a Job that is not done: %+v", v)
	}
	j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: "True"}}
	if v := assess(state{workload: job{j}}); !v.done {
		t.Errorf("a Job that is done: %+v", v)
	}
}

// doom deletes an object that a finalizer keeps in the middle of its deletion.
func (s *scene) doom(kind, name string) {
	s.t.Helper()
	testenv.Kubectl(s.t, "-n", s.namespace, "patch", kind, name, "--type=merge", "--patch", `{"metadata": {"finalizers": ["example.com/keep"]}}`)
	s.t.Cleanup(func() {
		_, _ = testenv.TryKubectl(s.t, "-n", s.namespace, "patch", kind, name, "--type=merge", "--patch", `{"metadata": {"finalizers": null}}`)
	})
	testenv.Kubectl(s.t, "-n", s.namespace, "delete", kind, name, "--wait=false")
}

// What is being deleted is refused before anything is written, by plans too:
// otherwise it would be released, and then be gone.
func TestDeployRefusesWhatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"deployment", "service"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.deploy(version("gateway", "1"))
			s.doom(kind, "gateway")
			for name, v := range map[string]string{"unchanged": "1", "changed": "2"} {
				o := s.options(version("gateway", v))
				_, deploying := Deploy(t.Context(), o)
				_, planning := Preview(t.Context(), o)
				for _, err := range []error{deploying, planning} {
					var going *GoingError
					if !errors.As(err, &going) || !strings.HasSuffix(going.Error(), s.namespace+"/gateway is being deleted, and kept by its finalizers: example.com/keep") ||
						!strings.Contains(going.Hint(), "kubectl -n "+s.namespace+" wait --for=delete") {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
			if data := s.configMap("gateway-config"); data["VERSION"] != "1" {
				t.Errorf("it has written: %v", data)
			}
		})
	}
}

// A workload that is deleted while it is waited for, or its namespace, fails
// within seconds, and goes back where it can.
func TestDeletedWhileWaitedFor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		deletes []string
		want    string
		back    bool
	}{
		"deployment": {[]string{"-n", "$namespace", "delete", "deployment", "gateway"}, "its Deployment was deleted meanwhile", true},
		"foreground": {[]string{"-n", "$namespace", "delete", "deployment", "gateway", "--cascade=foreground"}, "its Deployment ", true},
		"namespace":  {[]string{"delete", "namespace", "$namespace", "--wait=false"}, "its Deployment was deleted meanwhile: namespace $namespace ", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.deploy(version("gateway", "1"))
			o := s.options(version("gateway", "2").with("UNREADY", "1"))
			o.Deadline = 2 * time.Minute
			start, once := time.Now(), false
			progress := o.Progress
			o.Progress = func(p Progress) {
				progress(p)
				if p.Phase == Waiting && p.Wanted == 1 && !once {
					once, start = true, time.Now()
					var args []string
					for _, arg := range tt.deletes {
						args = append(args, strings.ReplaceAll(arg, "$namespace", s.namespace))
					}
					go func() { _, _ = testenv.TryKubectl(t, args...) }()
				}
			}
			result, err := Deploy(t.Context(), o)
			if want := strings.ReplaceAll(tt.want, "$namespace", s.namespace); result.Failure == nil || !strings.HasPrefix(result.Failure.Reason, want) {
				t.Fatalf("after %s: %v", time.Since(start), err)
			}
			for _, p := range s.progress {
				if p.Phase == Failed && p.Elapsed > 60*time.Second {
					t.Errorf("after %s", p.Elapsed)
				}
			}
			if now := s.versions()["gateway"]; tt.back && now != "1 1/1" {
				t.Errorf("afterwards %q: %+v, %v", now, result.Undone, err)
			}
			if !tt.back && (len(result.Undone) == 0 || result.Undone[len(result.Undone)-1].Verified) {
				t.Errorf("nothing can go back in a namespace that is deleted: %+v", result.Undone)
			}
		})
	}
}

// A release into a namespace that is being deleted is refused.
func TestDeployIntoANamespaceThatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	testenv.Kubectl(t, "-n", s.namespace, "create", "configmap", "held")
	testenv.Kubectl(t, "-n", s.namespace, "patch", "configmap", "held", "--type=merge", "--patch", `{"metadata": {"finalizers": ["example.com/keep"]}}`)
	t.Cleanup(func() {
		_, _ = testenv.TryKubectl(t, "-n", s.namespace, "patch", "configmap", "held", "--type=merge", "--patch", `{"metadata": {"finalizers": null}}`)
	})
	testenv.Kubectl(t, "delete", "namespace", s.namespace, "--wait=false")
	_, err := Deploy(t.Context(), s.options(version("gateway", "1")))
	if going := (*GoingError)(nil); !errors.As(err, &going) || !strings.HasPrefix(going.Error(), "Namespace/"+s.namespace+" is being deleted") {
		t.Errorf("%v", err)
	}
	if found, err := s.cluster.Read(t.Context(), named(s.options(version("gateway", "1")).Objects[0])); err != nil || found != nil {
		t.Errorf("it has written %v, %v", found, err)
	}
}
