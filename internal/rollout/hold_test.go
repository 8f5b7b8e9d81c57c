package rollout

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/testenv/testenv"
)

// What is not there is read from what kubelet, scheduler and admission say of it.
func TestLackOf(t *testing.T) {
	pod := &corev1.Pod{}
	pod.Spec.Volumes = []corev1.Volume{{Name: "keys", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "tls"}}}}
	for message, want := range map[string]string{
		`secret "x" not found`:                                                                      "Secret x",
		`configmap "settings" not found`:                                                            "ConfigMap settings",
		`couldn't find key token in Secret shop/keys`:                                               "key token in Secret keys",
		`couldn't find key mode in ConfigMap shop/settings`:                                         "key mode in ConfigMap settings",
		`MountVolume.SetUp failed for volume "keys" : secret "tls" not found`:                       "Secret tls",
		`MountVolume.SetUp failed for volume "keys" : references non-existent secret key: ca`:       "key ca in Secret tls",
		`pods "w" is forbidden: error looking up service account s/a: serviceaccount "a" not found`: "ServiceAccount a",
		`0/1 nodes are available: persistentvolumeclaim "data" not found. preemption: 0/1`:          "PersistentVolumeClaim data",
		`pods "w" is forbidden: no PriorityClass with name high was found`:                          "PriorityClass high",
		"failed to sync secret cache: timed out waiting for the condition":                          "",
		`pods "w" is forbidden: exceeded quota: q`:                                                  "",
	} {
		got := ""
		if l := lackOf(message, pod); l != nil {
			got = l.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", message, got, want)
		}
	}
}

// What holds a workload up is named from its conditions, before any deadline.
func TestHeld(t *testing.T) {
	condition := func(kind corev1.PodConditionType, status corev1.ConditionStatus, reason, message string) func(*world) {
		return func(s *world) {
			s.pods[1].Status.Conditions = append(s.pods[1].Status.Conditions, corev1.PodCondition{Type: kind, Status: status, Reason: reason, Message: message})
		}
	}
	both := func(changes ...func(*world)) func(*world) {
		return func(s *world) {
			for _, change := range changes {
				change(s)
			}
		}
	}
	gated := func(s *world) {
		s.pods[1].Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.com/lb"}}
	}
	running := condition(corev1.ContainersReady, corev1.ConditionTrue, "", "")
	for _, tt := range []struct {
		name   string
		change func(*world)
		want   string
	}{
		{"it starts", func(*world) {}, ""},
		{"it is being made", waits("ContainerCreating", ""), ""},
		{"no node takes it", condition(corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable", "0/1 nodes are available: 1 Insufficient cpu."), "no node takes it: 0/1 nodes are available: 1 Insufficient cpu."},
		{"a Secret is missing", waits("CreateContainerConfigError", `secret "x" not found`), `container api waits: CreateContainerConfigError secret "x" not found`},
		{"the registry is busy", waits("ErrImagePull", "429"), "container api waits: ErrImagePull 429"},
		{"a readiness gate that nobody sets", both(gated, running), "its readiness gate example.com/lb is not set by anybody"},
		{"a readiness gate that says no", both(gated, running, condition("example.com/lb", corev1.ConditionFalse, "NotRegistered", "target group is full")), "its readiness gate example.com/lb is False: NotRegistered target group is full"},
		{"a readiness gate that gives no reason", both(gated, running, condition("example.com/lb", corev1.ConditionFalse, "", "")), "its readiness gate example.com/lb is False"},
		{"a readiness gate of containers that are not ready", gated, ""},
		{"a webhook is away", cannotCreate("failed calling webhook: connection refused"), "its pods cannot be created: failed calling webhook: connection refused"},
		{"no service account", cannotCreate(`pods "x" is forbidden: error looking up service account n/s: serviceaccount "s" not found`), `its pods cannot be created: pods "x" is forbidden: error looking up service account n/s: serviceaccount "s" not found`},
	} {
		s := newWorld()
		tt.change(s)
		if v := s.assess(); v.why() != tt.want || v.failure != nil {
			t.Errorf("%s: held up by %q, fails %+v, want %q", tt.name, v.why(), v.failure, tt.want)
		}
	}
}

// A Secret that comes late is waited for, as a variable and as a volume, and one
// that does not come is named, before the deadline. A key in it is no other matter.
func TestDeployWaitsForASecret(t *testing.T) {
	t.Parallel()
	ways := map[string]string{
		"variable": `env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: late, key: token}}}]`,
		"all":      `envFrom: [{secretRef: {name: late}}]`,
		"volume":   `volumeMounts: [{name: late, mountPath: /late}]`,
		"key":      `env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: here, key: token}}}]`,
	}
	for name, way := range ways {
		for _, comes := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s %t", name, comes), func(t *testing.T) {
				t.Parallel()
				s := newScene(t)
				if name == "key" {
					testenv.Kubectl(t, "-n", s.namespace, "create", "secret", "generic", "here")
				}
				o := s.lateOptions(way, name == "volume")
				o.Missing = 8 * time.Second
				if comes {
					o.Missing = 50 * time.Second
				}
				told, progress := false, o.Progress
				o.Progress = func(p Progress) {
					progress(p)
					if p.Why == "" || told {
						return
					}
					if told = true; comes && name == "key" {
						go func() {
							_, _ = testenv.TryKubectl(t, "-n", s.namespace, "patch", "secret", "here", "--patch", `{"stringData": {"token": "x"}}`)
						}()
					} else if comes {
						go func() {
							_, _ = testenv.TryKubectl(t, "-n", s.namespace, "create", "secret", "generic", "late", "--from-literal=token=x")
						}()
					}
				}
				_, err := Deploy(t.Context(), o)
				if !told {
					t.Error("nothing said what it waits for")
				}
				if comes {
					if err != nil {
						t.Error(err)
					}
					return
				}
				var failure *Failure
				want := map[bool]string{false: `secret "late" not found, 8s after the change`, true: "couldn't find key token in Secret " + s.namespace + "/here, 8s after the change"}[name == "key"]
				if !errors.As(err, &failure) || !strings.HasSuffix(failure.Reason, want) || failure.Pod == "" {
					t.Errorf("%v", err)
				}
			})
		}
	}
}

// lateOptions release a service whose pod refers to a Secret.
func (s *scene) lateOptions(way string, volume bool) Options {
	s.t.Helper()
	o := s.options(version("gateway", "1"))
	text := strings.NewReplacer("$way", way, "$volumes", map[bool]string{true: "volumes: [{name: late, secret: {secretName: late}}]"}[volume]).Replace(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway}
spec:
  selector: {matchLabels: {app: gateway}}
  template:
    metadata: {labels: {app: gateway}}
    spec:
      terminationGracePeriodSeconds: 0
      $volumes
      containers:
        - {name: app, image: node:22-bookworm-slim, command: [sleep, infinity], $way}
`)
	o.Objects = s.objects(text)
	o.Services[0].Health = ""
	return o
}

// What holds up a workload without pods is named from events within seconds, and
// what no waiting heals ends it.
func TestDeployNamesWhatHoldsUp(t *testing.T) {
	t.Parallel()
	const account, tooMuch, noNode = "serviceAccountName: nobody", "limits", "nodeSelector: {example.com/kind: none}"
	for _, kind := range []string{"Deployment", "StatefulSet", "DaemonSet", "Job"} {
		for what, want := range map[string]string{account: `serviceaccount "nobody" not found`, tooMuch: "exceeded quota: none", noNode: "node"} {
			if kind == "DaemonSet" && what == noNode {
				continue // it wants none there
			}
			t.Run(kind+" "+what, func(t *testing.T) {
				t.Parallel()
				s := newScene(t)
				spec := what
				if what == tooMuch {
					spec = ""
					testenv.Kubectl(t, "-n", s.namespace, "create", "quota", "none", "--hard=pods=0")
				}
				o := s.heldOptions(kind, spec)
				o.Deadline, o.Missing = 25*time.Second, 8*time.Second
				var why string
				var after time.Duration
				progress := o.Progress
				o.Progress = func(p Progress) {
					progress(p)
					if p.Why != "" && why == "" {
						why, after = p.Why, p.Elapsed
					}
				}
				_, err := Deploy(t.Context(), o)
				var failure *Failure
				if !errors.As(err, &failure) || !strings.Contains(failure.Reason, want) {
					t.Fatalf("%v", err)
				}
				late := strings.HasPrefix(failure.Reason, "not healthy")
				if late != (what == noNode) || why == "" && what != tooMuch || after > 15*time.Second {
					t.Errorf("%s; named after %s: %s", failure.Reason, after, why)
				}
			})
		}
	}
}

// heldOptions release a workload whose pods come to nothing: a service, or a Job.
func (s *scene) heldOptions(kind, spec string) Options {
	s.t.Helper()
	o := s.options(version("held", "1"))
	head := map[string]string{"Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "Job": "batch/v1"}[kind]
	selector, policy := "selector: {matchLabels: {app: held}}", "Always"
	if kind == "Job" {
		selector, policy, o.Services = "backoffLimit: 0", "Never", nil
	} else {
		o.Services[0].Health = ""
	}
	o.Objects = s.objects(strings.NewReplacer("$head", head, "$kind", kind, "$selector", selector, "$policy", policy, "$spec", spec).Replace(`
apiVersion: $head
kind: $kind
metadata: {name: held}
spec:
  $selector
  template:
    metadata: {labels: {app: held}}
    spec:
      restartPolicy: $policy
      terminationGracePeriodSeconds: 0
      $spec
      containers: [{name: app, image: "node:22-bookworm-slim", command: [sleep, infinity]}]
`))
	return o
}

// A readiness gate that nobody sets is named at the deadline.
func TestDeployNamesTheReadinessGate(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.heldOptions("Deployment", "readinessGates: [{conditionType: example.com/lb}]")
	o.Deadline = 15 * time.Second
	_, err := Deploy(t.Context(), o)
	if failure := (*Failure)(nil); !errors.As(err, &failure) || !strings.HasSuffix(failure.Reason, "0 of 1 new pods are ready: its readiness gate example.com/lb is not set by anybody") {
		t.Errorf("%v", err)
	}
}
