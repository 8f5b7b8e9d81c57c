package release

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
)

// Every service of the sample has a Deployment and a Service on its port, with
// all that a pod needs to live; in each environment, in its own namespace.
func TestManifestsOfTheSample(t *testing.T) {
	t.Parallel()
	p, err := platform.Load("../../testenv/platform")
	if err != nil {
		t.Fatal(err)
	}
	for folder, namespace := range map[string]string{
		p.Manifests.Kustomize:                "",
		p.Environments["staging"].Overlay:    p.Environments["staging"].Namespace,
		p.Environments["production"].Overlay: p.Environments["production"].Namespace,
	} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			objects, err := Objects(t.Context(), p, Manifests{Overlay: folder})
			if err != nil {
				t.Fatal(err)
			}
			if want := 2*len(p.Services) + 1; len(objects) != want {
				t.Errorf("%d objects, want a Deployment and a Service each, and the settings: %d", len(objects), want)
			}
			for _, obj := range objects {
				if obj.GetNamespace() != namespace {
					t.Errorf("%s is in %q, want %q", obj.GetName(), obj.GetNamespace(), namespace)
				}
			}
			for _, s := range p.Services {
				d := find[appsv1.Deployment](t, objects, "Deployment", s.Name)
				lives(t, d, s)
				refers(t, d, objects)
				leads(t, find[corev1.Service](t, objects, "Service", s.Name), d, s)
			}
		})
	}
}

// lives checks the one container of a service: its image and port, both probes
// and what it may use.
func lives(t *testing.T, d *appsv1.Deployment, s platform.Service) {
	t.Helper()
	if n := len(d.Spec.Template.Spec.Containers); n != 1 {
		t.Fatalf("%s has %d containers", s.Name, n)
	}
	c := d.Spec.Template.Spec.Containers[0]
	if c.Image != "teei/"+s.Name || len(c.Ports) != 1 || int(c.Ports[0].ContainerPort) != s.Port {
		t.Errorf("%s runs %s on %v, want port %d", s.Name, c.Image, c.Ports, s.Port)
	}
	for path, probe := range map[string]*corev1.Probe{s.Health: c.LivenessProbe, "/health/ready": c.ReadinessProbe} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != path || probe.HTTPGet.Port.String() != c.Ports[0].Name {
			t.Errorf("%s is not asked for %s: %v", s.Name, path, probe)
		}
	}
	for name, amount := range map[string]int64{
		"cpu requested": c.Resources.Requests.Cpu().MilliValue(), "memory requested": c.Resources.Requests.Memory().Value(),
		"most memory": c.Resources.Limits.Memory().Value(),
	} {
		if amount == 0 {
			t.Errorf("%s: no %s", s.Name, name)
		}
	}
}

// refers checks where a service's environment comes from: settings that are
// applied with it, and the Secret that a release only refers to.
func refers(t *testing.T, d *appsv1.Deployment, objects []*kube.Object) {
	t.Helper()
	from := d.Spec.Template.Spec.Containers[0].EnvFrom
	if len(from) != 2 || from[0].ConfigMapRef == nil || from[1].SecretRef == nil {
		t.Fatalf("the environment of %s comes from %v", d.Name, from)
	}
	find[corev1.ConfigMap](t, objects, "ConfigMap", from[0].ConfigMapRef.Name)
	if secret := from[1].SecretRef; secret.Name != "teei-env" || secret.Optional != nil && *secret.Optional {
		t.Errorf("%s takes its secrets from %v", d.Name, secret)
	}
}

// leads checks that a Service leads to the pods of its service, on its port.
func leads(t *testing.T, service *corev1.Service, d *appsv1.Deployment, s platform.Service) {
	t.Helper()
	ports, container := service.Spec.Ports, d.Spec.Template.Spec.Containers[0].Ports
	if len(ports) != 1 || int(ports[0].Port) != s.Port || ports[0].TargetPort.String() != container[0].Name {
		t.Errorf("Service %s leads to %v, want port %d", service.Name, ports, s.Port)
	}
	if len(service.Spec.Selector) == 0 {
		t.Errorf("Service %s selects nothing", service.Name)
	}
	for label, value := range service.Spec.Selector {
		if d.Spec.Template.Labels[label] != value {
			t.Errorf("Service %s selects %s=%s, and its pods have %v", service.Name, label, value, d.Spec.Template.Labels)
		}
	}
}

func find[T any](t *testing.T, objects []*kube.Object, kind, name string) *T {
	t.Helper()
	i := slices.IndexFunc(objects, func(obj *kube.Object) bool { return obj.GetKind() == kind && obj.GetName() == name })
	if i < 0 {
		t.Fatalf("no %s %s", kind, name)
	}
	found := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(objects[i].Object, found); err != nil {
		t.Fatal(err)
	}
	return found
}
